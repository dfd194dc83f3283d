"""One module for each group of commands; whatever takes long to load is imported where it is used."""
