"""The outside world: PDF, QR codes, spreadsheets, mail. Nothing here knows the database."""
