"""Song packs: from a folder that a musician can write to the file that frames install."""
