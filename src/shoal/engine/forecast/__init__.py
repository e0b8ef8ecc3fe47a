"""What a run will take, said before it starts: time, memory, and how much memory there is."""
