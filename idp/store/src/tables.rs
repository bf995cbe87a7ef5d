//! Every table, and what becomes of its rows when a person is erased or asks for their data.
