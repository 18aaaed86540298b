"""The parameters of the components; imported at every start of the program, so without torch."""
