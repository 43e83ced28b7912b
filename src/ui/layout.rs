//! Where things stand: the page, and the figure in another page.

use kubeviz::api::Kind;
use kubeviz::clock::SimTime;
use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

use super::app::App;
use super::components::{
    BannerBar, Border, Console, GoTo, Header, Help, Icon, Inspector, ManifestEditor, ManifestPreview,
    MomentDialog, Palette, ShareDialog, Splitter, Sprite, Stage, TimeBar,
};
use super::settings::{Controls, Yaml};
use super::state::{Action, Pane};
use crate::tr;

/// The whole page.
pub fn page(app: &App) -> Html {
    let (ui, lang, on) = (&app.ui, app.ui.lang, &app.on);
    let driver = app.driver.borrow();
    let skip = |to: &'static str, text: AttrValue| html! { <a class="skip" href={to}>{ text }</a> };
    let splitter =
        |border: Border| html! { <Splitter {border} size={ui.sizes.of(border)} {lang} on={on.clone()} /> };
    html! {
        <div class="app" data-pane={ui.pane.as_str()} data-console={ui.console_open.to_string()} data-editor-open={ui.editor_open.to_string()}
            data-inspecting={ui.selected.is_some().to_string()} style={ui.sizes.style()}>
            <Sprite />
            { skip("#stage", tr!(lang, "skip.stage")) }
            { skip("#manifest", tr!(lang, "skip.manifest")) }
            { skip("#console", tr!(lang, "skip.console")) }
            { skip("#time", tr!(lang, "skip.time")) }
            <Header totals={driver.view.totals} namespace={driver.namespace()} theme={ui.theme} editor_open={ui.editor_open} {lang} on={on.clone()} />
            if let Some(banner) = &ui.banner { <BannerBar banner={banner.clone()} {lang} on={on.clone()} /> }
            <div class="left" id="manifest">{ manifest(app) }</div>
            { splitter(Border::Left) }
            <main class="middle">{ stage(app) }</main>
            { splitter(Border::Right) }
            <aside class="right" id="inspector" aria-label={tr!(lang, "inspector.label")}>
                <Inspector selected={ui.selected.clone()} inspection={app.inspection.clone()} fixes={app.fixes.clone()} tab={ui.tab} menu={ui.menu} compare={ui.compare} second={second(app)} story={app.feed.clone()} {lang} on={on.clone()} />
            </aside>
            if ui.console_open { { splitter(Border::Console) } }
            <div class="bottom" id="console">
                <Console log={ui.log.clone()} history={ui.history.clone()} open={ui.console_open} complete={app.complete.clone()} {lang} on={on.clone()} />
            </div>
            <div class="foot" id="time">{ time_bar(app, false, html! {}) }</div>
            { tab_bar(app) }
            if let Some(wrong) = &ui.moment { <MomentDialog wrong={wrong.clone()} conditions={app.conditions()} {lang} on={on.clone()} /> }
            if let Some(sharing) = &ui.sharing { <ShareDialog sharing={sharing.clone()} {lang} on={on.clone()} /> }
            if ui.going { <GoTo find={app.find.clone()} inspection={app.inspection.clone()} {lang} on={on.clone()} /> }
            if ui.help { <Help preferences={ui.preferences} theme={ui.theme} seed={app.settings.seed} {lang} on={on.clone()} /> }
            { unseen(app) }
        </div>
    }
}

/// The figure: stage, one line of text, time bar, and the author's buttons.
pub fn figure(app: &App) -> Html {
    let (ui, lang, on) = (&app.ui, app.ui.lang, &app.on);
    let settings = &app.settings;
    let emit = |action: fn() -> Action| {
        let on = on.clone();
        move |_: MouseEvent| on.emit(action())
    };
    let button = |button: &super::share::ActionButton| {
        let (on, line) = (on.clone(), button.run.clone());
        html! { <button type="button" class="button" title={button.run.clone()} onclick={move |_| on.emit(Action::Run(line.clone()))}>{ button.label.clone() }</button> }
    };
    let yaml = if settings.panes.yaml == Yaml::Absent {
        html! {}
    } else {
        html! { <button type="button" class="button quiet" aria-expanded={ui.editor_open.to_string()} onclick={emit(|| Action::ToggleEditor)}><Icon name="file" />{ "YAML" }</button> }
    };
    let title =
        if settings.label.is_empty() { tr!(lang, "figure.title") } else { settings.label.clone().into() };
    let selected = ui.selected.is_some();
    html! {
        <div class="figure" data-controls={settings.controls.as_str()} data-editor-open={ui.editor_open.to_string()} data-inspecting={selected.to_string()} data-buttons={(!app.buttons.is_empty()).to_string()}>
            <Sprite />
            if settings.controls == Controls::Full {
                <header class="figure-head">
                    <h1>{ title }</h1>
                    <button type="button" class="button quiet" onclick={emit(|| Action::Reset)}><Icon name="reset" />{ tr!(lang, "header.reset") }</button>
                    <a class="button quiet" data-testid="open-alone" href={open_alone()} target="_blank" rel="noopener" onclick={here(on)}><Icon name="open" />{ tr!(lang, "figure.open") }</a>
                </header>
            } else {
                <h1 class="unseen">{ title }</h1>
            }
            <main class="middle">{ stage(app) }</main>
            <p class="caption" lang="en">{ app.feed.first().map(|line| format!("{}: {}", line.object, line.text)).unwrap_or_default() }</p>
            if selected {
                <aside class="sheet" aria-label={tr!(lang, "inspector.label")}>
                    <Inspector selected={ui.selected.clone()} inspection={app.inspection.clone()} fixes={app.fixes.clone()} tab={ui.tab} menu={ui.menu} compare={ui.compare} second={second(app)} story={app.feed.clone()} {lang} on={on.clone()} />
                </aside>
            }
            <div class="sheet yaml-sheet" hidden={!ui.editor_open}>{ manifest(app) }</div>
            if settings.controls != Controls::None && settings.panes.time { <div class="foot">{ time_bar(app, true, yaml) }</div> }
            if !app.buttons.is_empty() { <div class="figure-actions">{ for app.buttons.iter().map(button) }</div> }
            { unseen(app) }
        </div>
    }
}

/// A link that leads to where the figure is when it is followed.
fn here(on: &Callback<Action>) -> Callback<MouseEvent> {
    let on = on.clone();
    Callback::from(move |event: MouseEvent| {
        let link = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if let Some(link) = link.and_then(|target| target.closest("a").ok().flatten()) {
            on.emit(Action::PointHere(link));
        }
    })
}

/// The figure's address as a page of its own.
fn open_alone() -> String {
    let href = gloo::utils::window().location().href().unwrap_or_default();
    href.replacen("embed=1&", "", 1).replacen("embed=1", "", 1)
}

fn manifest(app: &App) -> Html {
    let ui = &app.ui;
    html! {
        <ManifestEditor host={app.editor_host.clone()} loaded={app.editor.is_some()} text={app.loaded_text.clone()} diagnostics={ui.diagnostics.clone()} fixes={ui.fixes.clone()}
            adding={(!app.settings.embed).then_some(ui.adding)} editing={ui.editing.as_ref().map(|editing| editing.command.clone())}
            readonly={app.settings.readonly} previewing={ui.preview.is_some()} files={(!app.settings.embed).then(|| ui.files.clone())} refusal={ui.refusal.clone()} reveal={app.reveal.clone()} lang={ui.lang} on={app.on.clone()}>
            if let Some(look) = &ui.preview { <ManifestPreview look={look.clone()} lang={ui.lang} /> }
            if ui.adding { <Palette targets={app.targets.clone()} can_undo={ui.can_undo} node={selected(app, Kind::NODE)} pod={selected(app, Kind::POD)} lang={ui.lang} on={app.on.clone()} /> }
        </ManifestEditor>
    }
}

/// The name of what is under the glass, if it is of that kind.
fn selected(app: &App, kind: Kind) -> Option<AttrValue> {
    let key = app.ui.selected.as_ref().filter(|key| key.kind == kind)?;
    Some(key.name.to_string().into())
}

/// The time looked at, in whole seconds, where the object under the glass waits for something.
fn second(app: &App) -> u64 {
    let waits = app.inspection.as_ref().is_some_and(|found| !found.due.is_empty());
    if waits { app.driver.borrow().position().0 / 1_000_000 } else { 0 }
}

fn stage(app: &App) -> Html {
    let driver = app.driver.borrow();
    let leaving = |pod: &std::sync::Arc<kubeviz::view::PodCard>| pod.deadline.is_some();
    let anyone = driver.view.pending.iter().any(leaving)
        || driver.view.nodes.iter().any(|node| node.pods.iter().any(leaving));
    let second = anyone.then(|| driver.position().0 / 1_000_000);
    html! {
        <Stage view={driver.view.clone()} revision={app.feed.first().map_or(0, |line| line.revision)} last={app.feed.first().cloned()} selected={app.ui.selected.clone()}
            verdicts={app.verdicts.clone()} predict={app.ui.predict.clone()} sought={app.ui.sought.clone()} scene={app.scene.clone()} {second} starters={!app.settings.embed && app.is_untouched()}
            turn={driver.turn()} lang={app.ui.lang} on={app.on.clone()} />
    }
}

fn time_bar(app: &App, small: bool, more: Html) -> Html {
    let driver = app.driver.borrow();
    let position: SimTime = driver.position();
    let last = app.feed.first().map(|line| format!("{} {}", line.object, line.text)).unwrap_or_default();
    html! {
        <TimeBar playing={driver.playing} speed_tenths={driver.speed_tenths} skip_idle={driver.skip_idle} skipped={driver.skipped} grain={app.ui.grain} stepped={driver.stepped.clone()} until={driver.until()} reasons={driver.reasons()} run={driver.run()} kept={driver.kept()} {position}
            end={driver.end()} track={app.track.clone()} events={(driver.story().len(), driver.whole_story().len())} {last} {small} lang={app.ui.lang} on={app.on.clone()}>
            { more }
        </TimeBar>
    }
}

/// A phone's panes, one at a time.
fn tab_bar(app: &App) -> Html {
    let lang = app.ui.lang;
    let tab = |pane: Pane| {
        let (icon, text) = match pane {
            Pane::Cluster => ("nodes", tr!(lang, "pane.cluster")),
            Pane::Manifest => ("file", AttrValue::Static("YAML")),
            Pane::Console => ("terminal", AttrValue::Static("kubectl")),
            Pane::Events => ("list", tr!(lang, "pane.events")),
        };
        let on = app.on.clone();
        let current = (app.ui.pane == pane).then_some("page");
        html! { <button type="button" aria-current={current} onclick={move |_| on.emit(Action::Pane(pane))}><Icon name={icon} />{ text }</button> }
    };
    html! { <nav class="tab-bar" aria-label={tr!(lang, "pane.label")}>{ for Pane::ALL.into_iter().map(tab) }</nav> }
}

/// What is heard and not seen, and what flies above the page.
fn unseen(app: &App) -> Html {
    html! {
        <>
            <p class="unseen" role="status" aria-live="polite" lang={app.ui.live.1.code()}>{ app.ui.live.0.clone() }</p>
            <div id="flight" aria-hidden="true"></div>
        </>
    }
}
