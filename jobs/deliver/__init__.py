"""What buyers are handed: exports and data sheets, made from released and public figures alone."""
