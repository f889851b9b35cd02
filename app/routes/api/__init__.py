"""What tills and other programs ask for, under `/api/v1`: JSON in and out, a key in the request's head."""
