"""The forest in the words of other libraries: one thin module for each, imported by its name."""
