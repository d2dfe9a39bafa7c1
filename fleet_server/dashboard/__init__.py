"""The layout of all pages, the home page, languages and times."""
