//! What a claim asks for, read: classes, selectors, numbers, tolerations and constraints.

use serde_json::Value;

use super::devices::Device;
use crate::api::cel::{Program, Type};
use crate::api::k8s::{Taint, Toleration};
use crate::api::taint::{NO_EXECUTE, NO_SCHEDULE, tolerated};
use crate::api::{Key, Kind, typed};
use crate::client::View;
use crate::scheduler::framework::Status;
use crate::scheduler::framework::claims::{Claim, items, text};

/// A request, or one of its alternatives.
pub struct Wanted {
    /// Its name; of an alternative, behind that of the request: `gpu/small`.
    pub name: String,
    /// The class of its devices.
    pub class: String,
    /// What the class tells the drivers.
    pub class_config: Vec<Value>,
    /// How many; `None` for all.
    pub count: Option<usize>,
    /// Whether it only looks after devices that others have.
    pub is_admin: bool,
    /// `adminAccess`, as written.
    pub admin_access: Value,
    /// `tolerations`, as written.
    pub tolerations: Value,
    of_class: Vec<Selector>,
    own: Vec<Selector>,
}

/// A condition on devices.
struct Selector {
    program: Result<Program, String>,
    /// The texts in it, any of which may be the domain of an attribute.
    texts: Vec<String>,
}

impl Selector {
    fn read(selector: &Value) -> Selector {
        let expression = text(selector, "/cel/expression");
        let program = Program::typed(expression, &[("device", Type::Dyn)]).map(|(program, _)| program);
        let mut texts: Vec<String> = Vec::new();
        for quote in ['"', '\''] {
            texts.extend(expression.split(quote).skip(1).step_by(2).map(String::from));
        }
        Selector { program, texts }
    }
}

impl Wanted {
    /// Every request of a claim, with its alternatives.
    ///
    /// # Errors
    /// A class that does not exist.
    pub fn of_claim(view: &View, claim: &Claim) -> Result<Vec<Vec<Wanted>>, Status> {
        let requests = items(&claim.devices, "/requests");
        requests
            .map(|request| {
                let name = text(request, "/name");
                if request["exactly"].is_object() {
                    return Ok(vec![Wanted::read(view, name.to_string(), &request["exactly"])?]);
                }
                let alternative =
                    |sub: &Value| Wanted::read(view, format!("{name}/{}", text(sub, "/name")), sub);
                items(request, "/firstAvailable").map(alternative).collect()
            })
            .collect()
    }

    fn read(view: &View, name: String, request: &Value) -> Result<Wanted, Status> {
        let class = text(request, "/deviceClassName").to_string();
        let Some(object) = view.object(&Key::cluster(Kind::DEVICE_CLASS, &class)) else {
            return Err(Status::unresolvable(format!("request {name}: device class {class} does not exist")));
        };
        let spec = object.part("spec");
        let count = request["count"].as_u64().unwrap_or(1) as usize;
        Ok(Wanted {
            class_config: items(&spec, "/config").cloned().collect(),
            of_class: items(&spec, "/selectors").map(Selector::read).collect(),
            own: items(request, "/selectors").map(Selector::read).collect(),
            count: (request["allocationMode"] != "All").then_some(count),
            is_admin: request["adminAccess"] == true,
            admin_access: request["adminAccess"].clone(),
            tolerations: request["tolerations"].clone(),
            class,
            name,
        })
    }

    /// The request's own name, also of an alternative.
    pub fn base_name(&self) -> String {
        self.name.split('/').next().unwrap_or_default().to_string()
    }

    /// Whether a device meets all selectors, the class's and the request's.
    ///
    /// # Errors
    /// A selector that cannot be read, or that has no value for the device.
    pub fn selects(&self, device: &Device, claim: &Claim) -> Result<bool, String> {
        let of_class = self.of_class.iter().enumerate().map(|it| (format!("class {}", self.class), it));
        let of_claim = || format!("claim {}", claim.full_name());
        let own = self.own.iter().enumerate().map(|it| (of_claim(), it));
        for (whose, (place, selector)) in of_class.chain(own) {
            let program = selector
                .program
                .as_ref()
                .map_err(|why| format!("{whose}: selector #{place}: CEL compile error: {why}"))?;
            let met = device.meets(program, &selector.texts);
            let failed =
                |why| format!("{whose}: selector #{place} on device {}: CEL runtime error: {why}", device.id);
            if !met.map_err(failed)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the request tolerates the device's taints.
    pub fn tolerates(&self, device: &Device) -> bool {
        let tolerations: Vec<Toleration> = typed::read(&self.tolerations).unwrap_or_default();
        let taints = items(&device.tree, "/taints").filter_map(|taint| typed::read::<Taint>(taint).ok());
        let mut taints = taints.filter(|taint| matches!(taint.effect.as_str(), NO_SCHEDULE | NO_EXECUTE));
        taints.all(|taint| tolerated(&tolerations, &taint))
    }
}

/// What the devices of some requests have to have in common, or must not.
pub struct Constraint<'v> {
    requests: Vec<&'v str>,
    attribute: &'v str,
    is_same: bool,
}

impl<'v> Constraint<'v> {
    /// Reads a constraint.
    pub fn read(tree: &'v Value) -> Option<Constraint<'v>> {
        let requests = items(tree, "/requests").filter_map(Value::as_str).collect();
        let (same, distinct) = (text(tree, "/matchAttribute"), text(tree, "/distinctAttribute"));
        let (attribute, is_same) = if same.is_empty() { (distinct, false) } else { (same, true) };
        (!attribute.is_empty()).then_some(Constraint { requests, attribute, is_same })
    }

    /// Whether it is about a request of these names.
    pub fn concerns(&self, base: &str, name: &str) -> bool {
        self.requests.is_empty() || self.requests.iter().any(|known| *known == base || *known == name)
    }

    /// Whether a device may be taken beside the others.
    pub fn allows<'d>(&self, device: &Device, mut others: impl Iterator<Item = &'d Device>) -> bool {
        let Some(value) = device.attribute(self.attribute) else { return false };
        others.all(|other| (other.attribute(self.attribute) == Some(value)) == self.is_same)
    }
}
