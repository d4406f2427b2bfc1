"""`/api/client/v2/…`: for those who take part, with Pexip's names and shapes. See docs."""
