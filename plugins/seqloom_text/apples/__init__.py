"""The data set ``apples``: which Apple is meant shows only in the words after it."""
