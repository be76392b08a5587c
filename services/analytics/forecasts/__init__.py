"""What is going to arrive, how much work it is, and how many people that takes."""
