//! Seeded randomness: one stream per purpose, so that one consumer drawing more cannot shift another.

use rand_core::{RngCore, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The letters of generated names (`utilrand.SafeEncodeString` upstream): no vowels and no look-alikes, so
/// that no word is spelled by accident.
const NAME_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// One stream of random draws. Cloning copies the position: both copies then draw the same numbers.
#[derive(Clone, Debug)]
pub struct Rng(Pcg64Mcg);

impl Rng {
    /// The stream that belongs to `purpose` under `seed`. Two purposes never share draws.
    pub fn new(seed: u64, purpose: &str) -> Rng {
        let salt = crate::api::hash::fnv1a_64(purpose.as_bytes());
        Rng(Pcg64Mcg::seed_from_u64(seed ^ salt))
    }

    /// A number below `bound` (exclusive); zero if `bound` is zero. Drawn as `u32`, never `usize`, whose
    /// width differs between native and wasm.
    pub fn below(&mut self, bound: u32) -> u32 {
        // Multiply-shift: the bias is below one in four billion for the bounds used here.
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Sixty-four random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The random end of a generated name, `len` letters long.
    pub fn suffix(&mut self, len: usize) -> String {
        (0..len).map(|_| NAME_ALPHABET[self.below(NAME_ALPHABET.len() as u32) as usize] as char).collect()
    }

    /// A version 4 UUID as Kubernetes writes one.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        let high = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
        let low = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_by_purpose_and_repeat_by_seed() {
        let draw = |seed, purpose| Rng::new(seed, purpose).bits();
        assert_eq!(draw(7, "names"), draw(7, "names"));
        assert_ne!(draw(7, "names"), draw(7, "latency"));
        assert_ne!(draw(7, "names"), draw(8, "names"));
    }

    #[test]
    fn a_uuid_has_version_four_and_the_rfc_variant() {
        let uuid = Rng::new(1, "uid").uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
