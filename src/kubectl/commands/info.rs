//! `api-resources` and `version`.

use crate::api::Kind;
use crate::kubectl::print::table::Table;
use crate::kubectl::{Call, Verb};

/// See the module.
pub const API_RESOURCES: Verb = Verb {
    path: "api-resources",
    help: "Print the API resources that the server serves",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        let mut table = Table::new(&["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]);
        for kind in Kind::all() {
            let info = kind.info();
            table.row(vec![
                info.plural.into(),
                info.short_names.join(","),
                kind.api_version(),
                info.namespaced.to_string(),
                info.kind.into(),
            ]);
        }
        let text = table.render(true);
        call.output.stdout.push_str(&text);
        Ok(())
    },
};

/// See the module.
pub const VERSION: Verb = Verb {
    path: "version",
    help: "Print the client and server version",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        call.say("Client Version: v1.36.2\nKustomize Version: v5.8.1\nServer Version: v1.36.2");
        Ok(())
    },
};
