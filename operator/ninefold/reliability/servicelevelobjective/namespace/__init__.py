"""What an objective has to do with the others of its namespace."""
