"""Code that several stages share, without any kind: stages import it, and it imports no stage."""
