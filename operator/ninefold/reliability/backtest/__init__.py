"""What the rules of an objective would have done: PromQL over history, all times at once. Needs numpy."""
