"""What the frame believes: TUF metadata verified by the trusted set, kept in a store that survives a power cut."""
