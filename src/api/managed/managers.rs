//! The managers of an object, and what writes do to them. Models structured-merge-diff `merge.Updater` and apimachinery
//! `managedfields`.

use serde_json::{Value, json};
use sorted::SortedMap;

use super::compare::{Comparison, compare, field_set};
use super::merge::{merge, remove_items};
use super::set::{FieldSet, path_text};
use super::shape::Shape;
use crate::api::k8s::Time;
use crate::api::sorting::sort_by_key;
use crate::clock::SimTime;

/// How a manager came to its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

/// What tells managers apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManagerId {
    /// Its name: `kubectl-create`.
    pub name: String,
    /// How it writes.
    pub operation: Operation,
    /// The version it writes in.
    pub api_version: String,
    /// The subresource it writes to; empty for the object itself.
    pub subresource: String,
}

/// What a manager manages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The fields.
    pub set: FieldSet,
    /// When it last took one.
    pub time: SimTime,
}

/// A field that a manager has and another sets to something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Whose it is.
    pub manager: ManagerId,
    /// The field.
    pub path: Vec<String>,
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managers(SortedMap<ManagerId, Entry>);

/// Fields that nobody manages: what the server alone writes.
const NOBODYS: [&str; 8] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
];

/// The name under which the managers beyond [`UPDATERS_MAX`] are kept together, and how many there may be.
const ANCIENT: &str = "ancient-changes";
const UPDATERS_MAX: usize = 10;

fn nobodys() -> FieldSet {
    let mut set = FieldSet::default();
    for name in ["apiVersion", "kind", "metadata"] {
        set.child(&format!("f:{name}")).member = true;
    }
    for name in NOBODYS {
        set.child("f:metadata").child(&format!("f:{name}")).member = true;
    }
    set
}

/// Managers are told apart and written to the second.
fn to_second(time: SimTime) -> SimTime {
    SimTime::from_time(&time.to_time())
}

/// A write, as far as managers go.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// Whose it is.
    pub manager: &'a ManagerId,
    /// The shape of the object.
    pub shape: Shape,
    /// Whether writes to the object leave its status alone.
    pub keeps_status_apart: bool,
    /// When it is made.
    pub now: SimTime,
}

impl Write<'_> {
    /// What a write to the object itself, or to a subresource, leaves alone.
    fn left_alone(&self) -> FieldSet {
        let mut set = FieldSet::default();
        match self.manager.subresource.as_str() {
            "" if self.keeps_status_apart => set.child("f:status").member = true,
            "status" => set.child("f:spec").member = true,
            _ => {}
        }
        set
    }
}

impl ManagerId {
    /// As errors name it: `"kubectl-create" using apps/v1`.
    fn text(&self) -> String {
        let mut text = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

impl Conflict {
    /// What the server says of conflicts, and the path of each (`getConflictMessage`).
    pub fn message(conflicts: &[Conflict]) -> String {
        if let [only] = conflicts {
            let (manager, path) = (only.manager.text(), path_text(&only.path));
            return format!("Apply failed with 1 conflict: conflict with {manager}: {path}");
        }
        let mut managers: Vec<&ManagerId> = conflicts.iter().map(|conflict| &conflict.manager).collect();
        managers.dedup();
        let mut lines = Vec::new();
        for manager in managers {
            lines.push(format!("conflicts with {}:", manager.text()));
            let own = conflicts.iter().filter(|conflict| conflict.manager == *manager);
            lines.extend(own.map(|conflict| format!("- {}", path_text(&conflict.path))));
        }
        format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
    }
}

impl Managers {
    /// The managers with what they manage.
    pub fn iter(&self) -> impl Iterator<Item = (&ManagerId, &Entry)> {
        self.0.iter()
    }

    /// Notes an update: its manager has what it added or changed, and nobody has what is gone.
    pub fn update(&mut self, old: &Value, new: &Value, write: &Write<'_>) {
        let Write { manager, shape, now, .. } = *write;
        let compared = compare(old, new, shape);
        self.take_from(&compared, None);
        let mut set = compared.added;
        set.unite(&compared.modified);
        set.subtract_with_children(&write.left_alone());
        set.subtract(&nobodys());
        if !set.is_empty() {
            let entry = self.0.entry(manager.clone()).or_default();
            entry.set.unite(&set);
            entry.time = to_second(now);
        }
        self.forget_the_oldest();
    }

    /// Takes the fields that have changed from every manager but one.
    fn take_from(&mut self, compared: &Comparison, but: Option<&ManagerId>) {
        for (_, entry) in self.0.iter_mut().filter(|(id, _)| Some(*id) != but) {
            entry.set.subtract(&compared.added);
            entry.set.subtract(&compared.modified);
            entry.set.subtract(&compared.removed);
        }
        self.0.retain(|_, entry| !entry.set.is_empty());
    }

    /// The object that applying `config`, which sets the fields of `set`, leaves, and the managers then.
    ///
    /// # Errors
    /// The fields that other managers have set to something else, unless `force` takes them.
    pub fn apply(
        &mut self,
        live: &Value,
        config: &Value,
        mut set: FieldSet,
        write: &Write<'_>,
        force: bool,
    ) -> Result<Value, Vec<Conflict>> {
        let Write { manager, shape, now, .. } = *write;
        set.subtract_with_children(&write.left_alone());
        set.subtract(&nobodys());
        let merged = merge(Some(live), Some(config), shape);
        let last = self.0.insert(manager.clone(), Entry { set, time: to_second(now) });
        let result = match last {
            Some(last) if !last.set.is_empty() => self.prune(&merged, &last.set, shape),
            _ => merged,
        };
        let compared = compare(live, &result, shape);
        let mut changed = compared.added.clone();
        changed.unite(&compared.modified);
        let mut conflicts = Vec::new();
        for (id, entry) in self.0.iter().filter(|(id, _)| *id != manager) {
            let paths = entry.set.common(&changed).paths();
            conflicts.extend(paths.into_iter().map(|path| Conflict { manager: id.clone(), path }));
        }
        if !force && !conflicts.is_empty() {
            return Err(conflicts);
        }
        self.take_from(&compared, Some(manager));
        Ok(result)
    }

    /// Takes out what the manager listed before and lists no more, unless another manager has it (`Updater.prune`).
    fn prune(&self, merged: &Value, last: &FieldSet, shape: Shape) -> Value {
        let all = |value: &Value| ensure_named(&field_set(value, shape).unwrap_or_default(), shape, value);
        let last = ensure_named(last, shape, merged);
        let pruned = remove_items(merged, &last, shape).unwrap_or(Value::Null);
        let mut managed = FieldSet::default();
        self.0.values().for_each(|entry| managed.unite(&entry.set));
        let managed = ensure_named(&managed, shape, merged);
        // Back comes what somebody has, and whatever was not the manager's own to remove.
        let everything = all(merged);
        let mut gone = everything.clone();
        gone.subtract(&all(&pruned));
        gone.subtract(&managed);
        let pruned = remove_items(merged, &gone, shape).unwrap_or(Value::Null);
        let mut gone = everything;
        gone.subtract(&all(&pruned));
        let gone = gone.common(&last);
        remove_items(merged, &gone, shape).unwrap_or(Value::Null)
    }

    /// Keeps the number of updaters in bounds: the oldest become one (`capManagersManager`).
    fn forget_the_oldest(&mut self) {
        let mut updaters: Vec<(SimTime, ManagerId)> = self
            .0
            .iter()
            .filter(|(id, _)| id.operation == Operation::Update && id.subresource.is_empty())
            .map(|(id, entry)| (entry.time, id.clone()))
            .collect();
        if updaters.len() <= UPDATERS_MAX {
            return;
        }
        sort_by_key(&mut updaters, |(time, id)| (id.name != ANCIENT, *time, id.clone()));
        let over = updaters.len() - UPDATERS_MAX + 1;
        for (_, id) in updaters.into_iter().take(over).filter(|(_, id)| id.name != ANCIENT) {
            let Some(entry) = self.0.remove(&id) else { continue };
            let ancient = ManagerId { name: ANCIENT.into(), ..id };
            let kept = self.0.entry(ancient).or_default();
            kept.set.unite(&entry.set);
            kept.time = kept.time.max(entry.time);
        }
    }

    /// Gives the fields of a manager of updates to one of applies (`csaupgrade.UpgradeManagedFields`).
    pub fn upgrade(&mut self, from: &str, to: &ManagerId) {
        let old: Vec<ManagerId> = self
            .0
            .keys()
            .filter(|id| id.name == from && id.operation == Operation::Update && id.subresource.is_empty())
            .cloned()
            .collect();
        for id in &old {
            let Some(entry) = self.0.remove(id) else { continue };
            let kept = self.0.entry(to.clone()).or_default();
            kept.set.unite(&entry.set);
            kept.time = kept.time.max(entry.time);
        }
    }

    /// As `metadata.managedFields` has them: applies first, then by time.
    pub fn to_value(&self) -> Value {
        let mut entries: Vec<(&ManagerId, &Entry)> = self.iter().collect();
        sort_by_key(&mut entries, |(id, entry)| {
            (id.operation, entry.time, id.name.clone(), id.api_version.clone(), id.subresource.clone())
        });
        let written = |(id, entry): (&ManagerId, &Entry)| {
            let mut value = json!({
                "apiVersion": id.api_version,
                "fieldsType": "FieldsV1",
                "fieldsV1": entry.set.to_value(),
                "manager": id.name,
                "operation": if id.operation == Operation::Apply { "Apply" } else { "Update" },
                "time": entry.time.to_time().to_string(),
            });
            if !id.subresource.is_empty() {
                value["subresource"] = id.subresource.as_str().into();
            }
            value
        };
        entries.into_iter().map(written).collect()
    }

    /// Reads a list as a client wrote it; entries without a manager's fields are left out.
    pub fn from_value(list: &Value) -> Managers {
        let mut managers = Managers::default();
        for entry in list.as_array().into_iter().flatten() {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_string();
            let operation = if text("operation") == "Apply" { Operation::Apply } else { Operation::Update };
            let id = ManagerId {
                name: text("manager"),
                operation,
                api_version: text("apiVersion"),
                subresource: text("subresource"),
            };
            let set = FieldSet::from_value(&entry["fieldsV1"]);
            let time = text("time").parse().map(|stamp| SimTime::from_time(&Time(stamp))).unwrap_or_default();
            if !set.is_empty() {
                managers.0.insert(id, Entry { set, time });
            }
        }
        managers
    }
}

/// The set in which every field of a struct that leads to a member is one itself (`EnsureNamedFieldsAreMembers`).
fn ensure_named(set: &FieldSet, shape: Shape, value: &Value) -> FieldSet {
    let mut result = FieldSet::default();
    result.member = set.member;
    for (step, below) in set.children() {
        let name = step.strip_prefix("f:");
        let null = Value::Null;
        let (inner, named, inside) = match name {
            Some(name) => {
                let inside = value.get(name).unwrap_or(&null);
                let (inner, named) = shape.field(name, inside).unwrap_or((Shape::Atomic, false));
                (inner, named, inside)
            }
            None => (shape.item(), false, &null),
        };
        let mut child = ensure_named(below, inner, inside);
        child.member |= named && below.children().next().is_some();
        *result.child(step) = child;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::api::managed::empty_object;

    fn id(name: &str, operation: Operation) -> ManagerId {
        ManagerId { name: name.into(), operation, api_version: "apps/v1".into(), subresource: String::new() }
    }

    fn write(manager: &ManagerId) -> Write<'_> {
        let shape = Shape::of(Kind::DEPLOYMENT);
        Write { manager, shape, keeps_status_apart: true, now: SimTime::ZERO }
    }

    fn deployment(replicas: u32, containers: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "strategy": {},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}}})
    }

    struct Live {
        value: Value,
        managers: Managers,
    }

    impl Live {
        fn apply(&mut self, config: &Value, manager: &str, force: bool) -> Result<(), String> {
            let mut managers = self.managers.clone();
            let set = field_set(config, Shape::of(Kind::DEPLOYMENT))?;
            let id = id(manager, Operation::Apply);
            let result = managers.apply(&self.value, config, set, &write(&id), force);
            self.value = result.map_err(|conflicts| Conflict::message(&conflicts))?;
            self.managers = managers;
            Ok(())
        }

        fn update(&mut self, new: Value, manager: &str) {
            self.managers.update(&self.value, &new, &write(&id(manager, Operation::Update)));
            self.value = new;
        }
    }

    #[test]
    fn a_creation_gives_all_it_set_to_its_manager() {
        let mut live = Live { value: empty_object(Kind::DEPLOYMENT), managers: Managers::default() };
        live.update(
            deployment(3, json!([{"name": "app", "image": "a:1", "resources": {}}])),
            "kubectl-create",
        );
        let entry = &live.managers.to_value()[0];
        let want = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:replicas": {}, "f:selector": {}, "f:template": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:image": {}, "f:name": {}, "f:resources": {}}}}}},
        });
        assert_eq!(entry["fieldsV1"], want);
        assert_eq!((&entry["manager"], &entry["operation"]), (&json!("kubectl-create"), &json!("Update")));
    }

    #[test]
    fn a_second_manager_conflicts_until_it_forces_or_agrees() {
        let mut live = Live { value: json!({}), managers: Managers::default() };
        live.apply(&deployment(3, json!([{"name": "app", "image": "a:1"}])), "one", false).unwrap();
        let other = json!({"spec": {"replicas": 5, "template": {"spec": {"containers": [{"name": "app", "image": "a:2"}]}}}});
        let refused = live.apply(&other, "two", false).unwrap_err();
        assert_eq!(
            refused,
            "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.replicas\n- .spec.template.spec.containers[name=\"app\"].image"
        );
        assert!(
            live.apply(&json!({"spec": {"replicas": 3}}), "two", false).is_ok(),
            "the same value is shared"
        );
        let scaled = json!({"spec": {"replicas": 4}});
        let refused = live.apply(&scaled, "three", false).unwrap_err();
        assert!(refused.starts_with(
            "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.replicas\nconflicts with \"two\""
        ));
        live.apply(&scaled, "three", true).unwrap();
        assert_eq!(live.value["spec"]["replicas"], 4);
        let names: Vec<&str> = live.managers.iter().map(|(id, _)| id.name.as_str()).collect();
        assert_eq!(names, ["one", "three"], "two had nothing but the replicas");
    }

    #[test]
    fn what_a_manager_lists_no_more_goes_unless_another_has_it() {
        let mut live = Live { value: json!({}), managers: Managers::default() };
        let both = json!([{"name": "app", "image": "a:1"}, {"name": "side", "image": "s:1"}]);
        live.apply(&deployment(3, both), "one", false).unwrap();
        let mut scaled = live.value.clone();
        scaled["spec"]["replicas"] = 7.into();
        scaled["metadata"]["labels"]["seen"] = "yes".into();
        live.update(scaled, "kubectl-scale");
        let mut less = deployment(3, json!([{"name": "app", "image": "a:1"}]));
        less["spec"].as_object_mut().unwrap().remove("replicas");
        live.apply(&less, "one", false).unwrap();
        let containers = live.value["spec"]["template"]["spec"]["containers"].as_array().unwrap();
        assert_eq!(containers.len(), 1, "the sidecar was one's alone");
        assert_eq!(live.value["spec"]["replicas"], 7, "the replicas are another's by now");
        assert_eq!(live.value["metadata"]["labels"], json!({"app": "web", "seen": "yes"}));
    }

    #[test]
    fn a_migrated_manager_can_remove_what_it_created() {
        let mut live = Live { value: empty_object(Kind::DEPLOYMENT), managers: Managers::default() };
        let mut first = deployment(3, json!([{"name": "app", "image": "a:1"}]));
        first["metadata"]["labels"]["old"] = "yes".into();
        live.update(first, "kubectl-client-side-apply");
        live.managers.upgrade("kubectl-client-side-apply", &id("kubectl", Operation::Apply));
        live.apply(&deployment(3, json!([{"name": "app", "image": "a:1"}])), "kubectl", false).unwrap();
        assert_eq!(live.value["metadata"]["labels"], json!({"app": "web"}));
    }
}
