//! Comparison with recordings of a real Kubernetes 1.36 control plane. Each runner takes one recorded case and answers with
//! the differences it found; none means that the model did the same.

pub mod scheduler;
