//! `config`: the current namespace.

use crate::kubectl::errors::Failure;
use crate::kubectl::parse::switch;
use crate::kubectl::{Call, Verb};

/// See the module.
pub const SET_CONTEXT: Verb = Verb {
    path: "config set-context",
    help: "Set the namespace that commands work in, with --current --namespace",
    flags: &[switch("current", "change the current context")],
    run: |call: &mut Call<'_, '_>| {
        if !call.args.on("current") || !call.args.has("namespace") {
            return Err(Failure::message("kubeviz has one context; use --current --namespace=NAME"));
        }
        call.say("Context \"kubeviz\" modified.");
        Ok(())
    },
};

/// See the module.
pub const VIEW_NAMESPACE: Verb = Verb {
    path: "config view",
    help: "Show the current context and its namespace",
    flags: &[switch("minify", "show only what the current context uses")],
    run: |call: &mut Call<'_, '_>| {
        let namespace = call.namespace.clone();
        call.say(format!(
            "apiVersion: v1\ncontexts:\n- context:\n    cluster: kubeviz\n    namespace: {namespace}\n    user: kubeviz\n  name: kubeviz\n\
             current-context: kubeviz\nkind: Config"
        ));
        Ok(())
    },
};
