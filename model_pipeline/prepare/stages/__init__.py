"""One stage of the cleaning or augmentation a file; each makes clip folders of one clip folder."""
