//! The borders between the panels of a wide page. Each can be moved: by dragging, by arrow keys, and back by a double click.

use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

/// What an arrow key moves a border by, in pixels.
const STEP: i32 = 16;

/// A border, by the panel whose size it sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// The manifest's width.
    Left,
    /// The inspector's width.
    Right,
    /// The console's height.
    Console,
}

impl Border {
    const ALL: [Border; 3] = [Border::Left, Border::Right, Border::Console];

    fn name(self) -> &'static str {
        ["left", "right", "console"][self as usize]
    }

    /// The id of the panel.
    fn panel(self) -> &'static str {
        ["manifest", "inspector", "console"][self as usize]
    }

    /// The least, the usual and the largest size, in pixels.
    fn sizes(self) -> [i32; 3] {
        [[280, 360, 720], [280, 340, 720], [64, 160, 560]][self as usize]
    }

    /// By how much the panel grows when the border moves so far right and down.
    fn growth(self, right: i32, down: i32) -> i32 {
        [right, -right, -down][self as usize]
    }
}

/// The sizes of the panels, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes([i32; 3]);

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes(Border::ALL.map(|border| border.sizes()[1]))
    }
}

impl Sizes {
    /// Reads what [`Sizes::write`] has written; what is not there or no number is as usual.
    pub fn read(text: &str) -> Sizes {
        let mut sizes = Sizes::default();
        for (border, size) in Border::ALL.into_iter().zip(text.split(' ')) {
            if let Ok(size) = size.parse() {
                sizes.set(border, size);
            }
        }
        sizes
    }

    /// As text, to be kept.
    pub fn write(self) -> String {
        self.0.map(|size| size.to_string()).join(" ")
    }

    /// Sets the size of a panel, within its bounds.
    pub fn set(&mut self, border: Border, size: i32) {
        let [least, _, most] = border.sizes();
        self.0[border as usize] = size.clamp(least, most);
    }

    /// The size of a panel.
    pub fn of(self, border: Border) -> i32 {
        self.0[border as usize]
    }

    /// As custom properties of style.
    pub fn style(self) -> String {
        Border::ALL.map(|border| format!("--{}:{}px", border.name(), self.of(border))).join(";")
    }
}

#[derive(Properties, PartialEq)]
pub struct SplitterProps {
    pub border: Border,
    /// The size of its panel.
    pub size: i32,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module.
#[component]
pub fn Splitter(props: &SplitterProps) -> Html {
    let SplitterProps { border, size, lang, on } = props;
    let (border, size) = (*border, *size);
    let [least, usual, most] = border.sizes();
    let resize = on.reform(move |size: i32| Action::Resize(border, size));
    // Where the pointer took hold, and how large the panel was then.
    let held = use_mut_ref(|| None::<(i32, i32, i32)>);
    let onpointerdown = {
        let held = held.clone();
        Callback::from(move |event: PointerEvent| {
            if let Some(handle) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) {
                // A pointer that is down can be captured; without that, moves beyond the handle are lost.
                let _ = handle.set_pointer_capture(event.pointer_id());
            }
            held.replace(Some((event.client_x(), event.client_y(), size)));
        })
    };
    let onpointermove = {
        let (held, resize) = (held.clone(), resize.clone());
        Callback::from(move |event: PointerEvent| {
            if let Some((x, y, size)) = *held.borrow() {
                resize.emit(size + border.growth(event.client_x() - x, event.client_y() - y));
            }
        })
    };
    let release = Callback::from(move |_: PointerEvent| _ = held.take());
    let ondblclick = {
        let resize = resize.clone();
        move |_: MouseEvent| resize.emit(usual)
    };
    let onkeydown = Callback::from(move |event: KeyboardEvent| {
        let (right, down) = match event.code().as_str() {
            "ArrowLeft" => (-STEP, 0),
            "ArrowRight" => (STEP, 0),
            "ArrowUp" => (0, -STEP),
            "ArrowDown" => (0, STEP),
            "Home" => return take(&event, &resize, least),
            "End" => return take(&event, &resize, most),
            _ => return,
        };
        take(&event, &resize, size + border.growth(right, down));
    });
    let label = match border {
        Border::Left => tr!(*lang, "splitter.left"),
        Border::Right => tr!(*lang, "splitter.right"),
        Border::Console => tr!(*lang, "splitter.console"),
    };
    let orientation = if border == Border::Console { "horizontal" } else { "vertical" };
    html! {
        <div class="splitter" data-border={border.name()} role="separator" tabindex="0" aria-orientation={orientation} aria-controls={border.panel()} aria-label={label}
            aria-valuenow={size.to_string()} aria-valuemin={least.to_string()} aria-valuemax={most.to_string()}
            {onpointerdown} {onpointermove} onpointerup={release.clone()} onpointercancel={release} {ondblclick} {onkeydown}></div>
    }
}

/// The key has moved the border, and does nothing else.
fn take(event: &KeyboardEvent, resize: &Callback<i32>, size: i32) {
    event.prevent_default();
    event.stop_propagation();
    resize.emit(size);
}
