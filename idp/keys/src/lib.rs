//! Keyring and secret bundle values, the pure life cycles of keys and secrets, bind.
