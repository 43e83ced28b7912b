//! The flags that every verb knows: where the server is, who asks, and how the client behaves. Models
//! `cli-runtime/pkg/genericclioptions`, and the checks of `client-go/tools/clientcmd`.

use super::errors::Failure;
use super::identity::Known;
use super::kubeconfig::{Kubeconfig, NAME, SERVER};
use super::parse::{self, Args, Flag};
use super::{Invocation, Verb, commands};
use crate::client::authorization::User;
use crate::clock::SimDuration;

/// Flags that every verb knows; one of its own of the same name comes first.
pub const FLAGS: &[Flag] = &[
    parse::value("as", "the user to act as"),
    parse::value("as-group", "a group of the user to act as"),
    parse::value("as-uid", "the UID of the user to act as"),
    parse::value("as-user-extra", "more about the user to act as"),
    parse::value("cache-dir", "has no effect here"),
    parse::value("certificate-authority", "the certificate of the authority to trust"),
    parse::value("client-certificate", "the certificate to be known by"),
    parse::value("client-key", "the key of that certificate"),
    parse::value("cluster", "the cluster of the kubeconfig to use"),
    parse::value("context", "the context to use"),
    parse::switch("disable-compression", "has no effect here"),
    parse::switch("insecure-skip-tls-verify", "has no effect here"),
    parse::value("kubeconfig", "the kubeconfig to use"),
    parse::value("kuberc", "has no effect here"),
    parse::value("log-flush-frequency", "has no effect here"),
    parse::switch("match-server-version", "has no effect here: they match"),
    parse::value("namespace", "the namespace to work in").short('n'),
    parse::value("password", "a password, which this server does not ask for"),
    parse::value("profile", "has no effect here"),
    parse::value("profile-output", "has no effect here"),
    parse::value("request-timeout", "how long a watch may go on"),
    parse::value("server", "the address of the server").short('s'),
    parse::value("tls-server-name", "has no effect here"),
    parse::value("token", "the token to be known by"),
    parse::value("user", "the user of the kubeconfig to use"),
    parse::value("username", "a user that this server does not ask for"),
    parse::value("v", "how much to log").short('v'),
    parse::value("vmodule", "has no effect here"),
    parse::switch("warnings-as-errors", "fail where the server warns"),
];

/// The places at which the console's kubeconfig is found.
const PATHS: [&str; 5] = [
    "/root/.kube/config",
    "~/.kube/config",
    "$HOME/.kube/config",
    "${HOME}/.kube/config",
    "/etc/kubernetes/admin.conf",
];

/// What the global flags of a line come to.
pub struct Globals {
    /// The namespace that the command means.
    pub namespace: String,
    /// Whom it acts as, if not as who may do everything.
    pub user: Option<User>,
    /// What it is known by, where that is a token.
    pub token: Option<String>,
}

/// The global flags of one line.
struct Given<'a> {
    args: &'a Args,
    verb: &'a Verb,
}

impl<'a> Given<'a> {
    /// A flag's value, unless the verb has a flag of its own of that name.
    fn value(&self, name: &str) -> Option<&'a str> {
        let own = parse::each(self.verb.flags).any(|flag| flag.name == name);
        self.args.value(name).filter(|text| !own && !text.is_empty())
    }
}

/// Reads the global flags of a line.
///
/// # Errors
/// In kubectl's words for what the flags name and is not there.
pub fn read(
    args: &Args,
    verb: &Verb,
    kubeconfig: &Kubeconfig,
    invocation: &Invocation,
) -> Result<Globals, Failure> {
    let given = Given { args, verb };
    check_values(&given)?;
    check_files(&given, invocation)?;
    let mut config = kubeconfig.clone();
    if let Some(name) = given.value("context") {
        config.current = name.to_string();
    }
    let named = args.value("namespace").filter(|namespace| !namespace.is_empty());
    let namespace = named.unwrap_or(config.namespace()).to_string();
    if verb.path.starts_with("config ") || commands::is_local(verb) {
        if given.value("context").is_some() && config.entry().is_none() {
            return Err(no_context(&config.current));
        }
        return Ok(Globals { namespace, user: None, token: None });
    }
    check_names(&given, &config)?;
    check_server(&given, &config)?;
    let name =
        given.value("user").or_else(|| config.entry().map(|entry| entry.user.as_str())).unwrap_or(NAME);
    let known = match given.value("token") {
        Some(token) => Known::Token(token.to_string()),
        None => Known::of(&config, name, invocation)?,
    };
    match (impersonated(&given)?, known) {
        (Some(user), _) => Ok(Globals { namespace, user: Some(user), token: None }),
        (None, Known::Token(token)) => Ok(Globals { namespace, user: None, token: Some(token) }),
        (None, Known::User(user)) => Ok(Globals { namespace, user, token: None }),
    }
}

/// A file that the line or the kubeconfig names.
pub fn file_of<'a>(invocation: &'a Invocation, path: &str) -> Option<&'a str> {
    const HOME: [&str; 4] = ["", "./", "/root/", "~/"];
    let mut names = HOME.iter().filter_map(|start| path.strip_prefix(start));
    names.find_map(|name| invocation.files.get(name)).map(String::as_str)
}

/// Whether a flag before the verb takes the next word as its value.
pub fn takes_next(word: &str) -> bool {
    let known = |flag: &&Flag| match word.strip_prefix("--") {
        Some(name) => flag.name == name,
        None => word.len() == 2 && flag.short == word.chars().nth(1),
    };
    let flag = FLAGS.iter().find(known);
    !word.contains('=') && flag.is_some_and(|flag| flag.takes == parse::Takes::Value)
}

/// Refuses numbers and durations that are none.
fn check_values(given: &Given<'_>) -> Result<(), Failure> {
    if let Some(text) = given.value("v").filter(|text| text.parse::<i32>().is_err()) {
        return Err(Failure::usage(format!(
            "invalid argument {text:?} for \"-v, --v\" flag: strconv.ParseInt: parsing {text:?}: invalid syntax"
        )));
    }
    let is_span = |text: &str| text.parse::<u32>().is_ok() || SimDuration::parse(text).is_some();
    if given.value("request-timeout").is_some_and(|text| !is_span(text)) {
        return Err(Failure::message(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding \
             time unit (e.g. 1s | 2m | 3h)",
        ));
    }
    const PROFILES: [&str; 7] = ["none", "cpu", "heap", "goroutine", "threadcreate", "block", "mutex"];
    match given.value("profile").filter(|name| !PROFILES.contains(name)) {
        Some(name) => Err(Failure::message(format!("unknown profile '{name}'"))),
        None => Ok(()),
    }
}

/// Refuses files that nobody has.
fn check_files(given: &Given<'_>, invocation: &Invocation) -> Result<(), Failure> {
    let is_there = |path: &str| PATHS.contains(&path) || invocation.files.contains_key(path);
    if let Some(path) = given.value("kubeconfig").filter(|path| !is_there(path)) {
        return Err(Failure::message(format!("stat {path}: no such file or directory")));
    }
    let whose = |name| if name == "certificate-authority" { "cluster" } else { "user" };
    for (flag, what) in [
        ("client-certificate", "client-cert"),
        ("client-key", "client-key"),
        ("certificate-authority", "certificate-authority"),
    ] {
        if let Some(path) = given.value(flag).filter(|path| file_of(invocation, path).is_none()) {
            let of = given.value(whose(flag)).unwrap_or(NAME);
            return Err(Failure::message(format!(
                "invalid configuration: unable to read {what} {path} for {of} due to open {path}: no such file or directory"
            )));
        }
    }
    Ok(())
}

fn no_context(name: &str) -> Failure {
    Failure::message(format!("context {name:?} does not exist"))
}

/// Refuses users, contexts and clusters that the kubeconfig does not have.
fn check_names(given: &Given<'_>, config: &Kubeconfig) -> Result<(), Failure> {
    if let Some(user) = given.value("user").filter(|user| !config.users.contains_key(*user)) {
        return Err(Failure::message(format!("auth info {user:?} does not exist")));
    }
    if given.value("context").is_some() && config.entry().is_none() {
        return Err(no_context(&config.current));
    }
    match given.value("cluster").filter(|cluster| !config.clusters.contains_key(*cluster)) {
        Some(cluster) => Err(Failure::message(format!("cluster {cluster:?} does not exist"))),
        None => Ok(()),
    }
}

/// Refuses to speak to a server that is not there: another one, or that of a context without a cluster.
fn check_server(given: &Given<'_>, config: &Kubeconfig) -> Result<(), Failure> {
    let host = |server: &str| {
        let server = server.split_once("://").map_or(server, |(_, host)| host);
        server.trim_end_matches('/').to_string()
    };
    let cluster = given.value("cluster").or_else(|| config.entry().map(|entry| entry.cluster.as_str()));
    let noted = cluster.and_then(|cluster| config.server(cluster)).unwrap_or("localhost:8080");
    let asked = host(given.value("server").unwrap_or(noted));
    let refused = (asked != host(SERVER)).then_some(asked);
    match refused {
        None => Ok(()),
        Some(host) => Err(Failure::Shown(format!(
            "The connection to the server {host} was refused - did you specify the right host or port?\n"
        ))),
    }
}

/// Whom a line acts as.
fn impersonated(given: &Given<'_>) -> Result<Option<User>, Failure> {
    if let Some(name) = given.value("as") {
        return Ok(Some(User::impersonated(name, given.args.values("as-group"))));
    }
    let more = ["as-group", "as-uid", "as-user-extra"].iter().any(|flag| given.value(flag).is_some());
    if more {
        let of = given.value("user").unwrap_or(NAME);
        return Err(Failure::message(format!(
            "invalid configuration: requesting uid, groups or user-extra for {of} without impersonating a user"
        )));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, want: &str) {
        let words = parse::words(line).unwrap();
        let (verb, used) = commands::find(&words).unwrap();
        let args = parse::args(&words[used..], &[verb.flags, FLAGS]).unwrap();
        let failure = read(&args, verb, &Kubeconfig::default(), &Invocation::default()).err();
        assert_eq!(failure.map(|failure| failure.render(verb.path)).unwrap_or_default(), want, "{line}");
    }

    #[test]
    fn what_global_flags_name_has_to_be_there() {
        check("get pods -v=6 --as jane --as-group=a --request-timeout=5s --server https://kubeviz:6443", "");
        check("get pods --kubeconfig ~/.kube/config --insecure-skip-tls-verify --cluster kubeviz", "");
        check("create rolebinding a --user bob --clusterrole view", "");
        check(
            "get pods -v=x",
            "error: invalid argument \"x\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"x\": \
             invalid syntax\nSee 'kubectl get --help' for usage.\n",
        );
        check("get pods --user bob", "error: auth info \"bob\" does not exist\n");
        check("get pods --cluster bob", "error: cluster \"bob\" does not exist\n");
        check("get pods --context bob", "error: context \"bob\" does not exist\n");
        check("get pods --kubeconfig nope", "error: stat nope: no such file or directory\n");
        check("get pods --profile nope", "error: unknown profile 'nope'\n");
        check(
            "get pods -s http://10.0.0.1:8080",
            "The connection to the server 10.0.0.1:8080 was refused - did you specify the right host or port?\n",
        );
        check(
            "get pods --as-group a",
            "error: invalid configuration: requesting uid, groups or user-extra for kubeviz without impersonating a user\n",
        );
        check(
            "get pods --client-key a.key",
            "error: invalid configuration: unable to read client-key a.key for kubeviz due to open a.key: no such file or \
             directory\n",
        );
    }

    #[test]
    fn flags_before_the_verb_take_their_values() {
        let cases = [("-n", true), ("--namespace", true), ("--namespace=a", false), ("-na", false)];
        for (word, want) in cases.into_iter().chain([("--warnings-as-errors", false), ("--nope", false)]) {
            assert_eq!(takes_next(word), want, "{word}");
        }
    }
}
