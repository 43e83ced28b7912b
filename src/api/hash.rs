//! Hashes that are part of behaviour: the pod template hash and the digest of a run.

use serde_json::Value;

/// FNV-1a, 32 bits: what upstream's `controller.ComputeHash` uses for `pod-template-hash`.
pub fn fnv1a_32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// FNV-1a, 64 bits.
pub fn fnv1a_64(bytes: &[u8]) -> u64 {
    Digest::new().bytes(bytes).value()
}

/// FNV-1a, 128 bits.
pub fn fnv1a_128(bytes: &[u8]) -> u128 {
    let (start, prime) = (0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, 0x0100_0000_0000_0000_0000_013b);
    bytes.iter().fold(start, |hash: u128, byte| (hash ^ u128::from(*byte)).wrapping_mul(prime))
}

/// A running FNV-1a hash: the digest that must be equal for two runs to count as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest::new()
    }
}

impl Digest {
    /// The digest of nothing.
    pub const fn new() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Digest {
        Digest(
            bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, number: u64) -> Digest {
        self.bytes(&number.to_le_bytes())
    }

    /// Adds a JSON value, in its canonical text (keys sorted).
    #[must_use]
    pub fn json(self, value: &Value) -> Digest {
        self.bytes(value.to_string().as_bytes())
    }

    /// The hash so far.
    pub const fn value(self) -> u64 {
        self.0
    }
}
