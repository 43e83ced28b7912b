//! What the cluster is and serves: `api-resources`, `api-versions`, `version`, and what lies outside the model.

use serde_json::json;

use crate::api::Kind;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{optional, switch, value};
use crate::kubectl::print::format::READ;
use crate::kubectl::print::table::Table;
use crate::kubectl::{Call, Verb};

/// The version of this kubectl and of the server.
pub const VERSION_TEXT: &str = "v1.36.2";

/// Refuses a command that takes no words but has some.
fn no_words(call: &Call<'_, '_>) -> Result<(), Failure> {
    match call.args.words.is_empty() {
        true => Ok(()),
        false => Err(Failure::misuse(format!("unexpected arguments: [{}]", call.args.words.join(" ")))),
    }
}

/// See the module.
pub const API_RESOURCES: Verb = Verb {
    path: "api-resources",
    help: "Print the supported API resources on the server",
    flags: &[
        value("output", "wide, name, json or yaml").short('o'),
        switch("no-headers", "leave the headings out"),
        optional("namespaced", "true", "only kinds that live in a namespace, or with =false only the others"),
        value("api-group", "only kinds of this group"),
        value("sort-by", "name or kind"),
        value("verbs", "only kinds that these verbs are for"),
        value("categories", "only kinds of these categories"),
        switch("cached", "has no effect here"),
    ],
    run: api_resources,
};

/// Kinds that `all` stands for.
const CATEGORY_ALL: [Kind; 10] = [
    Kind::POD,
    Kind::REPLICATION_CONTROLLER,
    Kind::SERVICE,
    Kind::DAEMON_SET,
    Kind::DEPLOYMENT,
    Kind::REPLICA_SET,
    Kind::STATEFUL_SET,
    Kind::HORIZONTAL_POD_AUTOSCALER,
    Kind::CRON_JOB,
    Kind::JOB,
];

fn api_resources(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    no_words(call)?;
    let group = call.args.value("api-group").map(str::to_string);
    let namespaced = call.args.value("namespaced").map(|text| text == "true");
    let wanted: Vec<String> = call.args.list("verbs").into_iter().map(String::from).collect();
    let categories = call.args.list("categories");
    let categories: Vec<String> = categories.into_iter().map(String::from).collect();
    let view = call.client.live().clone();
    let category = |kind: Kind| match view.definition(kind) {
        Some(definition) => definition.categories().join(","),
        None => if CATEGORY_ALL.contains(&kind) { "all" } else { "" }.to_string(),
    };
    let meant = |served: &Served| {
        group.as_deref().is_none_or(|group| group == served.group())
            && namespaced.is_none_or(|namespaced| namespaced == served.kind.info().namespaced)
            && wanted.iter().all(|verb| verbs(served.kind).split(',').any(|known| known == verb))
            && categories.iter().all(|wanted| category(served.kind).split(',').any(|known| known == wanted))
    };
    let mut all: Vec<Served> =
        view.kinds().into_iter().map(|kind| Served { kind, api_version: view.api_version(kind) }).collect();
    // Events have a group of their own besides.
    all.push(Served { kind: Kind::EVENT, api_version: "events.k8s.io/v1".into() });
    all.retain(meant);
    let plural = |served: &Served| served.kind.info().plural;
    match call.args.value("sort-by") {
        None => {
            crate::api::sorting::sort_by(&mut all, |a, b| (a.group(), plural(a)).cmp(&(b.group(), plural(b))))
        }
        Some("name") => crate::api::sorting::sort_by_key(&mut all, plural),
        Some("kind") => crate::api::sorting::sort_by_key(&mut all, |served| served.kind.info().kind),
        Some(_) => return Err(Failure::message("--sort-by accepts only name or kind")),
    }
    let format = call.args.value("output").unwrap_or_default().to_string();
    let short = |kind: Kind| match view.definition(kind) {
        Some(own) => own.short_names().join(","),
        None => kind.info().short_names.join(","),
    };
    match format.as_str() {
        "" | "wide" => {}
        "name" => {
            for served in &all {
                let dot = if served.group().is_empty() { "" } else { "." };
                call.say(format!("{}{dot}{}", plural(served), served.group()));
            }
            return Ok(());
        }
        "json" | "yaml" => {
            let list = |text: String| {
                text.split(',').filter(|s| !s.is_empty()).map(String::from).collect::<Vec<_>>()
            };
            let resource = |served: &Served| {
                let info = served.kind.info();
                let (group, version) = (served.group(), served.api_version.rsplit('/').next());
                let mut value = json!({
                    "kind": info.kind, "name": info.plural, "namespaced": info.namespaced,
                    "singularName": info.singular, "verbs": list(verbs(served.kind).into()), "version": version,
                });
                for (name, texts) in
                    [("shortNames", list(short(served.kind))), ("categories", list(category(served.kind)))]
                {
                    if !texts.is_empty() {
                        value[name] = texts.into();
                    }
                }
                if !group.is_empty() {
                    value["group"] = group.into();
                }
                value
            };
            let resources: Vec<serde_json::Value> = all.iter().map(resource).collect();
            let value = json!({"apiVersion": "v1", "groupVersion": "", "kind": "APIResourceList", "resources": resources});
            let text = super::get::shaped_own(call, &format, value, READ)?;
            call.output.stdout.push_str(&text);
            return Ok(());
        }
        other => {
            return Err(Failure::message(format!(
                "unable to match a printer suitable for the output format \"{other}\", allowed formats are: json,name,wide,yaml"
            )));
        }
    }
    let mut headers = vec!["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"];
    if format == "wide" {
        headers.extend(["VERBS", "CATEGORIES"]);
    }
    let mut table = Table::new(&headers);
    for served in all {
        let info = served.kind.info();
        let mut row = vec![
            info.plural.into(),
            short(served.kind),
            served.api_version,
            info.namespaced.to_string(),
            info.kind.into(),
        ];
        if format == "wide" {
            row.extend([verbs(served.kind).to_string(), category(served.kind)]);
        }
        table.row(row);
    }
    let text = table.render(!call.args.on("no-headers"));
    call.output.stdout.push_str(&text);
    Ok(())
}

/// A kind as it is served in a group.
struct Served {
    kind: Kind,
    api_version: String,
}

impl Served {
    fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// What can be done to objects of a kind.
pub fn verbs(kind: Kind) -> &'static str {
    match kind {
        Kind::BINDING => "create",
        Kind::COMPONENT_STATUS => "get,list",
        _ if Kind::REVIEWS.contains(&kind) => "create",
        // Custom resources list their verbs in this order.
        _ if kind.is_custom() => "delete,deletecollection,get,list,patch,create,update,watch",
        _ => "create,delete,deletecollection,get,list,patch,update,watch",
    }
}

/// See the module.
pub const API_VERSIONS: Verb = Verb {
    path: "api-versions",
    help: "Print the supported API versions on the server, in the form of \"group/version\"",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        no_words(call)?;
        let view = call.client.live();
        let mut versions: Vec<String> = Kind::all().map(Kind::api_version).collect();
        versions.extend(crate::api::versions::others().map(String::from));
        for definition in view.definitions() {
            versions.extend(definition.served().iter().map(|version| definition.api_version(version)));
        }
        crate::api::sorting::sort_by(&mut versions, |a, b| a.cmp(b));
        versions.dedup();
        versions.iter().for_each(|version| call.say(version));
        Ok(())
    },
};

/// See the module.
pub const VERSION: Verb = Verb {
    path: "version",
    help: "Print the client and server version information",
    flags: &[switch("client", "only this program's"), value("output", "yaml or json").short('o')],
    run: |call: &mut Call<'_, '_>| {
        if !call.args.words.is_empty() {
            return Err(Failure::message(format!("extra arguments: [{}]", call.args.words.join(" "))));
        }
        let client_only = call.args.on("client");
        if let Some(format) = call.args.value("output").map(str::to_string) {
            let version = json!({"major": "1", "minor": "36", "gitVersion": VERSION_TEXT});
            let mut value = json!({"clientVersion": version, "kustomizeVersion": "v5.8.1"});
            if !client_only {
                value["serverVersion"] = version;
            }
            if !["json", "yaml"].contains(&format.as_str()) {
                return Err(Failure::message("--output must be 'yaml' or 'json'"));
            }
            let text = super::get::shaped_own(call, &format, value, READ)?;
            call.output.stdout.push_str(&text);
            return Ok(());
        }
        call.say(format!("Client Version: {VERSION_TEXT}\nKustomize Version: v5.8.1"));
        if !client_only {
            call.say(format!("Server Version: {VERSION_TEXT}"));
        }
        Ok(())
    },
};

/// `completion`: the console completes by itself.
pub const COMPLETION: Verb = Verb {
    path: "completion",
    help: "Output shell completion code for the specified shell (bash, zsh, fish, or powershell)",
    flags: &[],
    run: |call: &mut Call<'_, '_>| match call.args.words.as_slice() {
        [] => {
            Err(Failure::message("Shell not specified.\nSee 'kubectl completion -h' for help and examples"))
        }
        [shell] if ["bash", "zsh", "fish", "powershell"].contains(&shell.as_str()) => {
            call.say(format!(
                "# kubeviz: the console completes commands by itself; there is no {shell} to teach"
            ));
            Ok(())
        }
        [shell] => Err(Failure::message(format!(
            "Unsupported shell type {shell:?}.\nSee 'kubectl completion -h' for help and examples"
        ))),
        _ => Err(Failure::message(
            "Too many arguments. Expected only the shell type.\nSee 'kubectl completion -h' for help and examples",
        )),
    },
};

/// `plugin list`: there is no directory to look in.
pub const PLUGIN_LIST: Verb = Verb {
    path: "plugin list",
    help: "List all visible plugin executables on a user's PATH",
    flags: &[switch("name-only", "has no effect here")],
    run: |_| Err(Failure::message("unable to find any kubectl plugins in your PATH")),
};

/// `options`: the flags of every verb.
pub const OPTIONS: Verb = Verb {
    path: "options",
    help: "Print the list of flags inherited by all commands",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        call.say("The following options can be passed to any command:\n");
        for flag in crate::kubectl::global::FLAGS {
            let short = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
            call.say(format!("    {short}--{}:\n\t{}\n", flag.name, flag.help));
        }
        Ok(())
    },
};
