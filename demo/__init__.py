"""The whole story on one machine, told through the programs' own command lines."""
