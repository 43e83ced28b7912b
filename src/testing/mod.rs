//! Objects for tests and benchmarks, built as one would say them:
//!
//! ```
//! use kubeviz::testing::{node, pod};
//!
//! let pod = pod("a").cpu("500m").toleration("gpu", "Exists", "", "NoSchedule").build();
//! let node = node("n1").cpu("4").label("disk", "ssd").build();
//! ```

pub mod node;
pub mod pod;

pub use node::{NodeBuilder, node};
pub use pod::{ContainerBuilder, PodBuilder, container, pod};
