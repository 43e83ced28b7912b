//! `create quota`, `priorityclass`, `poddisruptionbudget`.

use serde_json::{Map, Value, json};

use super::{DRY_RUN, FIELD_MANAGER, OUTPUT, SAVE_CONFIG, TEMPLATE, VALIDATE, make, metadata, name};
use crate::api::Kind;
use crate::api::selector::{Operator, Selector};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{switch, value};
use crate::kubectl::{Call, Verb};

use super::super::set::read_amounts;

/// `create quota`.
pub const QUOTA: Verb = Verb {
    path: "create quota",
    help: "Create a quota with the specified name",
    flags: &[
        value("hard", "the limits: pods=10,cpu=2"),
        value("scopes", "what it counts"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: quota,
};
fn quota(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = name(call)?;
    let hard = read_amounts(call.args.value("hard").unwrap_or_default())?;
    let hard: Map<String, Value> = hard.into_iter().map(|(name, amount)| (name, amount.into())).collect();
    let mut spec = json!({});
    if !hard.is_empty() {
        spec["hard"] = Value::Object(hard);
    }
    let scopes = call.args.list("scopes");
    if !scopes.is_empty() {
        spec["scopes"] = json!(scopes);
    }
    let value = json!({"metadata": metadata(call, &name), "spec": spec, "status": {}});
    make(call, Kind::RESOURCE_QUOTA, value, "created", "error: failed to create quota")
}

/// `create priorityclass`.
pub const PRIORITY_CLASS: Verb = Verb {
    path: "create priorityclass",
    help: "Create a priority class with the specified name",
    flags: &[
        value("value", "the priority"),
        switch("global-default", "for pods that name none"),
        value("description", "when to use it"),
        value("preemption-policy", "PreemptLowerPriority or Never"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: |call| {
        let name = name(call)?;
        let priority = call.args.number("value")?.unwrap_or(0);
        let mut value = json!({"metadata": {"name": name}, "value": priority,
            "preemptionPolicy": call.args.value("preemption-policy").unwrap_or("PreemptLowerPriority")});
        if call.args.on("global-default") {
            value["globalDefault"] = true.into();
        }
        if let Some(description) = call.args.value("description") {
            value["description"] = description.into();
        }
        make(call, Kind::PRIORITY_CLASS, value, "created", "error: failed to create priorityclass")
    },
};
/// `create poddisruptionbudget`.
pub const DISRUPTION_BUDGET: Verb = Verb {
    path: "create poddisruptionbudget",
    help: "Create a pod disruption budget with the specified name",
    flags: &[
        value("selector", "the labels of its pods").short('l'),
        value("min-available", "how many pods must stay"),
        value("max-unavailable", "how many pods may be gone"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: disruption_budget,
};
fn disruption_budget(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = name(call)?;
    let text = call.args.value("selector").filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Failure::message("a selector must be specified"))?;
    let selector = field_of(&Selector::parse(text).map_err(Failure::message)?);
    let (min, max) = (call.args.value("min-available"), call.args.value("max-unavailable"));
    let odd = |text: &str| {
        let digits = text.strip_suffix('%').unwrap_or(text);
        digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let amount = |text: &str| text.parse::<i32>().map_or_else(|_| Value::from(text), Value::from);
    let mut spec = json!({"selector": selector});
    match (min, max) {
        (None, None) => {
            return Err(Failure::message("one of min-available or max-unavailable must be specified"));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::message("min-available and max-unavailable cannot be both specified"));
        }
        (Some(min), None) if odd(min) => {
            return Err(Failure::message("invalid format specified for min-available"));
        }
        (None, Some(max)) if odd(max) => {
            return Err(Failure::message("invalid format specified for max-unavailable"));
        }
        (Some(min), None) => spec["minAvailable"] = amount(min),
        (None, Some(max)) => spec["maxUnavailable"] = amount(max),
    }
    let status =
        json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0});
    let value = json!({"metadata": metadata(call, &name), "spec": spec, "status": status});
    make(call, Kind::POD_DISRUPTION_BUDGET, value, "created", "error: failed to create poddisruptionbudgets")
}

/// A selector as a field: equalities as labels, all else as expressions.
fn field_of(selector: &Selector) -> Value {
    let (mut labels, mut expressions) = (Map::new(), Vec::new());
    for rule in &selector.requirements {
        match (&rule.operator, rule.values.as_slice()) {
            (Operator::In, [value]) => drop(labels.insert(rule.key.clone(), value.clone().into())),
            (operator, values) => {
                let mut expression = json!({"key": rule.key, "operator": format!("{operator:?}")});
                if !values.is_empty() {
                    expression["values"] = json!(values);
                }
                expressions.push(expression);
            }
        }
    }
    let mut field = json!({});
    if !labels.is_empty() {
        field["matchLabels"] = Value::Object(labels);
    }
    if !expressions.is_empty() {
        field["matchExpressions"] = Value::Array(expressions);
    }
    field
}
