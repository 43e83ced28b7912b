//! How much of a resource is promised, and how much is in use.

use kubeviz::view::Meter as Amounts;
use yew::prelude::*;

use crate::tr;
use crate::ui::format::{self, per_mille};
use crate::ui::i18n::Lang;

/// What an amount counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Thousandths of a CPU.
    MilliCpu,
    /// Bytes.
    Bytes,
}

impl Unit {
    fn show(self, amount: i64) -> String {
        match self {
            Unit::MilliCpu => format::cpus(amount),
            Unit::Bytes => format::bytes(amount),
        }
    }
}

#[derive(Properties, PartialEq)]
pub struct MeterProps {
    /// The resource's name.
    pub label: &'static str,
    pub amounts: Amounts,
    pub unit: Unit,
    /// Only the bar, without label and numbers.
    pub bare: bool,
    pub lang: Lang,
}

/// A bar: the requested part solid, the used part a line within it.
#[component]
pub fn Meter(props: &MeterProps) -> Html {
    let MeterProps { label, amounts, unit, bare, lang } = props;
    let (requested, whole) = (unit.show(amounts.requested), unit.show(amounts.allocatable));
    let said = tr!(
        *lang,
        "meter.label",
        resource = label,
        requested = requested,
        allocatable = whole,
        used = unit.show(amounts.used)
    );
    let share = |part: i64| {
        let mille = per_mille(part, amounts.allocatable);
        format!("{}.{}%", mille / 10, mille % 10)
    };
    let (of_requested, of_used) = (share(amounts.requested), share(amounts.used));
    if *bare {
        let style = format!("--requested:{of_requested};--used:{of_used}");
        return html! { <div class="meter-bare" role="img" aria-label={said.clone()} title={said} {style}></div> };
    }
    html! {
        <div class="meter" role="img" aria-label={said.clone()} title={said}>
            <span class="meter-label">{ *label }</span>
            <span class="meter-bar">
                <span class="meter-requested" style={format!("width:{of_requested}")}></span>
                <span class="meter-used" style={format!("width:{of_used}")}></span>
            </span>
            <span class="meter-text">{ requested }<span class="of">{ format!(" / {whole}") }</span></span>
        </div>
    }
}
