"""Who bought what: terms, the add-on, its hours and its one day."""
