"""Programs that the other libraries' interpreter runs; they import nothing of this project."""
