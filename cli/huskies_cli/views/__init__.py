"""Results of operations as text: the view of an operation has its name, or is called `show`."""
