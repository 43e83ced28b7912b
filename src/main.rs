//! The page: a Yew application around the simulator.

use yew::prelude::*;

#[component]
fn App() -> Html {
    html! {
        <main class="boot">
            <h1>{ "kubeviz" }</h1>
        </main>
    }
}

fn main() {
    let root = gloo::utils::document().get_element_by_id("app").expect("index.html has an element #app");
    yew::Renderer::<App>::with_root(root).render();
}
