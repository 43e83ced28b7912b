//! Times as text.

/// By a pattern of `strftime`.
pub mod strtime {
    use crate::{Error, Timestamp};

    /// The time in one of the two patterns that Kubernetes writes: to the second, and to the microsecond.
    ///
    /// # Errors
    /// For any other pattern.
    pub fn format(pattern: &str, time: Timestamp) -> Result<String, Error> {
        let (text, micros) = time.civil();
        match pattern {
            "%Y-%m-%dT%H:%M:%SZ" => Ok(text + "Z"),
            "%Y-%m-%dT%H:%M:%S%.6fZ" => Ok(format!("{text}.{micros:06}Z")),
            _ => Err(Error),
        }
    }
}
