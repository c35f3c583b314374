"""The commands that score files and measure their drift."""
