//! Lists: the objects of a kind that a query selects, as they were at a revision, and a portion at a time
//! (`ListOptions`, and how apiserver's etcd3 store answers them).

use serde_json::{Value, json};

use super::Place;
use super::query::asked_for;
use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::manifest::{base64, json_error};
use crate::api::meta::Revision;
use crate::api::selector::Selector;
use crate::api::{MetaExt, Object, Status};
use crate::client::View;
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::field_selector::FieldSelector;
use crate::kubectl::print::served;

const TOO_OLD: &str = "The resourceVersion for the provided list is too old.";
const TOKEN_TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new \
    list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. \
    Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted \
    between the time the first chunk was returned and now may show up in the list.";
/// The version of what a token holds.
const TOKEN_VERSION: &str = "meta.k8s.io/v1";

/// A list of objects, with those that the query selects.
pub fn list(call: &Call<'_, '_>, place: &Place, query: &str) -> Result<Value, Failure> {
    let kind = place.kind;
    call.client.may("list", kind, place.namespace.as_deref())?;
    let options = Options::read(query)?;
    let view = options.view(call)?;
    let mut left = selected(&view, place, query)?;
    if let Some(token) = &options.token {
        left.retain(|object| token.is_before(place, object));
    }
    let portion = options.limit.filter(|limit| *limit < left.len());
    let rest = portion.map_or(0, |limit| left.len() - limit);
    left.truncate(portion.unwrap_or(left.len()));
    let mut metadata = json!({"resourceVersion": view.revision().to_string()});
    if let Some(last) = left.last().filter(|_| rest > 0) {
        metadata["continue"] = Token::behind(place, last, view.revision()).text().into();
        // With selectors nobody knows how many of the rest will be selected.
        if !options.selects {
            metadata["remainingItemCount"] = rest.into();
        }
    }
    let item = |object: &Object| {
        let mut item = served(object);
        // The list says what they are, except of custom ones.
        if let Some(fields) = item.as_object_mut().filter(|_| !kind.is_custom()) {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
        item
    };
    let items: Vec<Value> = left.into_iter().map(item).collect();
    Ok(json!({
        "kind": format!("{}List", kind.name()), "apiVersion": place.api_version, "metadata": metadata, "items": items,
    }))
}

/// The objects at a place that a query selects.
pub fn selected<'a>(view: &'a View, place: &Place, query: &str) -> Result<Vec<&'a Object>, Failure> {
    let labels = asked_for(query, "labelSelector").unwrap_or_default();
    let selector = Selector::parse(&labels)
        .map_err(|why| Status::bad_request(format!("unable to parse requirement: {why}")))?;
    let fields = FieldSelector::parse(&asked_for(query, "fieldSelector").unwrap_or_default())?;
    let all = view.objects(place.kind, place.namespace.as_deref());
    let meant = all.filter(|object| {
        selector.matches(object.labels())
            && (fields == FieldSelector::default() || fields.matches(&object.to_value()))
    });
    Ok(meant.map(|object| &**object).collect())
}

/// What a list is asked for besides its objects.
struct Options {
    /// How many objects at most.
    limit: Option<usize>,
    token: Option<Token>,
    /// The revision that the list is to be of, or not to be older than.
    revision: Option<Revision>,
    exact: bool,
    /// Whether it has a selector.
    selects: bool,
}

impl Options {
    fn read(query: &str) -> Result<Options, Status> {
        let asked = |name: &str| asked_for(query, name).filter(|text| !text.is_empty());
        let limit = asked("limit").map(|text| number::<i64>(&text, "ParseInt")).transpose();
        let limit = limit.map_err(Status::bad_request)?;
        let (revision, how) = (asked("resourceVersion"), asked("resourceVersionMatch"));
        let errors = wrong_match(how.as_deref(), revision.as_deref(), asked("continue").is_some());
        if !errors.is_empty() {
            let why = FieldError::together(&errors);
            return Err(Status::invalid_options("ListOptions", &why));
        }
        let token = asked("continue").map(|text| Token::read(&text)).transpose();
        let token = token.map_err(|why| {
            Status::bad_request(format!("invalid continue token: continue key is not valid{why}"))
        })?;
        if token.is_some() && revision.as_ref().is_some_and(|revision| revision != "0") {
            let why = "specifying resource version is not allowed when using continue";
            return Err(Status::bad_request(why));
        }
        let revision = revision.map(|text| {
            number::<u64>(&text, "ParseUint").map_err(|why| {
                let wrong = FieldError::invalid(&Path::new("resourceVersion"), quoted(&text), &why);
                Status::bad_request(format!("invalid resource version: {wrong}"))
            })
        });
        let revision = revision.transpose()?.filter(|revision| *revision > 0);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        Ok(Options {
            limit,
            token,
            revision,
            // Portions of a revision that is named are of just that one, if it is not said otherwise.
            exact: how.as_deref().map_or(limit.is_some(), |how| how == "Exact"),
            selects: asked("labelSelector").or(asked("fieldSelector")).is_some(),
        })
    }

    /// The objects to choose from: those of now, or of the revision asked for.
    fn view(&self, call: &Call<'_, '_>) -> Result<View, Status> {
        let now = call.client.live();
        let token = self.token.as_ref();
        let at = token.and_then(|token| token.revision).or(self.revision.filter(|_| self.exact));
        if let Some(later) = at.or(self.revision).filter(|revision| *revision > now.revision()) {
            return Err(Status::too_large_revision(later, now.revision()));
        }
        let Some(at) = at else { return Ok(now.clone()) };
        let too_old = if token.is_some() { TOKEN_TOO_OLD } else { TOO_OLD };
        call.client.server().view_at(at).ok_or_else(|| Status::expired(too_old))
    }
}

/// What is wrong with how a revision is meant (`ValidateListOptions`).
fn wrong_match(how: Option<&str>, revision: Option<&str>, continues: bool) -> Vec<FieldError> {
    let Some(how) = how else { return Vec::new() };
    let path = Path::new("resourceVersionMatch");
    let mut errors = Vec::new();
    let forbidden = |why: &str| FieldError::forbidden(&path, why);
    if revision.is_none() {
        errors.push(forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"));
    }
    if continues {
        errors.push(forbidden("resourceVersionMatch is forbidden when continue is provided"));
    }
    if !["Exact", "NotOlderThan"].contains(&how) {
        errors.push(FieldError::not_supported(&path, how, &["Exact", "NotOlderThan", ""]));
    }
    if how == "Exact" && revision == Some("0") {
        errors.push(forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
    }
    errors
}

/// A number, or why it is none, as Go says it.
fn number<N: std::str::FromStr>(text: &str, function: &str) -> Result<N, String> {
    let digits = text.strip_prefix('-').filter(|_| function == "ParseInt").unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let why = if is_number { "value out of range" } else { "invalid syntax" };
    let wrong = || format!("strconv.{function}: parsing {text:?}: {why}");
    text.parse().ok().filter(|_| is_number).ok_or_else(wrong)
}

/// Where a list goes on (`continueToken`).
struct Token {
    /// The revision of its first portion; none goes on with what there is now.
    revision: Option<Revision>,
    /// The least path that has not been listed.
    start: String,
}

impl Token {
    fn behind(place: &Place, object: &Object, revision: Revision) -> Token {
        Token { revision: Some(revision), start: format!("{}\0", path_of(place, object)) }
    }

    /// Whether an object comes at the token or behind it.
    fn is_before(&self, place: &Place, object: &Object) -> bool {
        let path = path_of(place, object);
        // By parts: a slash is less than anything that a name can have.
        path.split('/').ge(self.start.split('/'))
    }

    fn text(&self) -> String {
        let revision = self.revision.and_then(|revision| i64::try_from(revision).ok()).unwrap_or(-1);
        let start = Value::from(self.start.as_str());
        base64::encode_url(
            format!("{{\"v\":\"{TOKEN_VERSION}\",\"rv\":{revision},\"start\":{start}}}").as_bytes(),
        )
    }

    /// A token, or what is to be said of one that is none.
    fn read(text: &str) -> Result<Token, String> {
        let bytes =
            base64::decode_url(text).map_err(|at| format!(": illegal base64 data at input byte {at}"))?;
        let text = String::from_utf8_lossy(&bytes);
        let value: Value =
            serde_json::from_str(&text).map_err(|error| format!(": {}", json_error(&error, &text).1))?;
        let version = value["v"].as_str().unwrap_or_default();
        if version != TOKEN_VERSION {
            return Err(format!(": server does not recognize this encoded version {version}"));
        }
        let revision = value["rv"].as_i64().unwrap_or(0);
        let start = value["start"].as_str().unwrap_or_default();
        match (revision, start) {
            (0, _) => Err(format!(": incorrect encoded start resourceVersion (version {version})")),
            (_, "") => Err(format!(": encoded start key empty (version {version})")),
            _ if start.trim_start_matches('/').split('/').any(|part| ["", ".", ".."].contains(&part)) => {
                Err(format!(": {start}"))
            }
            _ => Ok(Token {
                revision: u64::try_from(revision).ok(),
                start: start.trim_start_matches('/').into(),
            }),
        }
    }
}

/// An object's path below that of the list.
fn path_of(place: &Place, object: &Object) -> String {
    match (place.kind.info().namespaced, &place.namespace) {
        (true, None) => format!("{}/{}", object.namespace(), object.name()),
        _ => object.name().to_string(),
    }
}
