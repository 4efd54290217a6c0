"""Numbers and times as people read them, and how far each must move before it is written again."""
