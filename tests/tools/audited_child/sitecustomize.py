"""Audits a Python process that one of audited.py starts, from its first line."""

import audited

audited.begin()
