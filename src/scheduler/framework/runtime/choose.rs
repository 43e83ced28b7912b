//! One node for the pod: Filter and Score in one go, without asking about every node where pods of the same shape have been
//! before. What comes out is what [`Framework::find_nodes_that_fit`] and [`Framework::score`] say, node by node; it is only found
//! by way of a few nodes that speak for many (see [`contest`](crate::scheduler::cache::contest)).

use super::filter::{Look, promised_nodes};
use super::score::{best, nth_with};
use super::{Feasibility, Framework};
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::contest::{Contest, Dimension, Kin};
use crate::scheduler::cache::memory::{Memory, recall};
use crate::scheduler::cache::shape::{MOST, Shape};
use crate::scheduler::framework::{Context, CycleState, Normalization, PodInfo, Point, Scored, Status};

/// The node chosen for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The node.
    pub node: NodeIndex,
    /// How many nodes shared the highest total.
    pub tied: u32,
}

/// Draws one of so many nodes that are equally good.
pub type Draw<'a> = &'a mut dyn FnMut(u32) -> u32;

/// A refusal, and the place of the plugin that gives it.
type Refusal = (u8, Status);

impl Framework {
    /// Finds the best node for the pod. Where there is none, the diagnosis says why; where there is one, the diagnosis and the
    /// list of nodes may be left empty.
    pub fn choose(
        &self,
        cx: &Context<'_>,
        memory: &mut Memory,
        pod: &PodInfo,
        draw: Draw<'_>,
    ) -> (Feasibility, Option<Choice>) {
        if memory.is_off() {
            let mut found = self.find_nodes_that_fit(cx, memory, pod);
            let choice = self.choose_among(cx, memory, pod, &mut found, draw);
            return (found, choice);
        }
        let mut shapes = std::mem::take(&mut memory.shapes);
        let shape = recall(&mut shapes, MOST, |shape| shape.fits(self, pod), || Shape::new(self, pod));
        let prepared = shape.prepared(self, cx, pod);
        let mut found = Feasibility { state: prepared.state.clone(), ..Feasibility::default() };
        std::mem::swap(memory, &mut found.state.memory);
        let looking = self.begin_to_look(cx, pod, Some(&prepared), &mut found);
        let choice = match looking {
            Look::AtAll => self.choose_by_kin(cx, pod, shape, &mut found, draw),
            _ => None,
        };
        found.state.memory.shapes = shapes;
        if choice.is_none() {
            self.look_on(cx, pod, looking, &mut found);
        }
        std::mem::swap(memory, &mut found.state.memory);
        if let Some(choice) = choice {
            return (found, choice);
        }
        let choice = self.choose_among(cx, memory, pod, &mut found, draw);
        (found, choice)
    }

    /// The best of the nodes found. A single one needs no scores.
    fn choose_among(
        &self,
        cx: &Context<'_>,
        memory: &mut Memory,
        pod: &PodInfo,
        found: &mut Feasibility,
        draw: Draw<'_>,
    ) -> Option<Choice> {
        let totals = match found.nodes.len() {
            0 | 1 => vec![0; found.nodes.len()],
            _ => self.score(cx, memory, &mut found.state, pod, &found.nodes).totals,
        };
        if totals.len() > 1 && found.has_score_error() {
            return None;
        }
        let (highest, tied) = best(&totals);
        let place = nth_with(&totals, highest, if tied < 2 { 0 } else { draw(tied) })?;
        Some(Choice { node: found.nodes[place], tied })
    }

    /// `None` if it cannot be done so.
    fn choose_by_kin(
        &self,
        cx: &Context<'_>,
        pod: &PodInfo,
        shape: &mut Shape,
        found: &mut Feasibility,
        draw: Draw<'_>,
    ) -> Option<Option<Choice>> {
        let state = &mut found.state;
        self.run_pre_score(cx, state, pod, self.local);
        let dimensions = self.dimensions(cx, state, pod)?;
        shape.filter(self, cx, state, pod);
        let is_worth_it = shape.compete(self, cx, state, pod, &dimensions);
        is_worth_it.then(|| self.choose_in(cx, pod, shape, found, draw))
    }

    fn choose_in(
        &self,
        cx: &Context<'_>,
        pod: &PodInfo,
        shape: &mut Shape,
        found: &mut Feasibility,
        draw: Draw<'_>,
    ) -> Option<Choice> {
        let promised = self.ask_promised(cx, pod, &shape.contest, &found.state);
        let refused: Vec<NodeIndex> =
            promised.iter().filter(|(_, fits, _)| *fits).map(|(node, ..)| *node).collect();
        shape.contest.leave_out(&refused);
        if !self.further_filters(&found.state).is_empty() || shape.contest.kin.len() > 1 {
            shape.contest.settle(cx.cache);
        }
        let refusals = self.ask_kin(cx, pod, &shape.contest, &found.state);
        let errors = refusals.iter().flatten().chain(promised.iter().map(|(.., refusal)| refusal));
        if let Some((_, status)) = errors.into_iter().find(|(_, status)| !status.is_rejection()) {
            found.error = Some(status.message());
            return None;
        }
        let is_refused = |number: usize| refusals.get(number).is_some_and(Option::is_some);
        let kin = |number: &usize| shape.contest.kin[*number].members > 0 && !is_refused(*number);
        let fitting: Vec<usize> = (0..shape.contest.kin.len()).filter(kin).collect();
        if fitting.is_empty() {
            self.diagnose(cx, shape, refusals, promised, found);
            return None;
        }
        let nodes: u32 = fitting.iter().map(|kin| shape.contest.kin[*kin].members).sum();
        if nodes > 1 && found.has_score_error() {
            return None;
        }
        let best = match fitting.len() {
            1 => fitting,
            _ => self.best_kin(cx, pod, &shape.contest, &fitting, &mut found.state),
        };
        let leaders = |kin: &usize| shape.contest.kin[*kin].leaders();
        let tied: u32 = best.iter().map(leaders).sum();
        let nth = if tied < 2 { 0 } else { draw(tied) };
        shape.contest.nth_leader(cx.cache, &best, nth).map(|node| Choice { node, tied })
    }

    /// What the plugins that look beyond the node depend on. `None` if one of them cannot say.
    fn dimensions(&self, cx: &Context<'_>, state: &mut CycleState, pod: &PodInfo) -> Option<Vec<Dimension>> {
        let mut dimensions = Vec::new();
        let filters = self.further_filters(state);
        let mut asked = filters;
        asked.extend(self.further_scorers(state));
        let all_filters = self.sets[Point::Filter as usize];
        let local_filters = all_filters.without(all_filters.without(self.local));
        for place in asked.iter() {
            // An answer that is remembered must not hide one that would have come before it.
            let hides = filters.contains(place) && local_filters.goes_beyond(place);
            if hides || !self.plugin_at(place).dimensions(cx, state, pod, &mut dimensions) {
                return None;
            }
        }
        Some(dimensions)
    }

    /// Asks the nodes on which others have been promised room: each refusal, and whether the node would fit but for that.
    fn ask_promised(
        &self,
        cx: &Context<'_>,
        pod: &PodInfo,
        contest: &Contest,
        state: &CycleState,
    ) -> Vec<(NodeIndex, bool, Refusal)> {
        let ask = |node: NodeIndex| {
            let answer = self.run_filter_with_nominated_pods(cx, state, pod, cx.cache.node(node));
            Some((node, contest.kin_of(node).is_some(), answer.err()?))
        };
        promised_nodes(cx, pod).into_iter().filter_map(ask).collect()
    }

    /// Asks one of each kin for all of them. Empty if there is nobody who would ask.
    fn ask_kin(
        &self,
        cx: &Context<'_>,
        pod: &PodInfo,
        contest: &Contest,
        state: &CycleState,
    ) -> Vec<Option<Refusal>> {
        let further = self.further_filters(state);
        if further.is_empty() {
            return Vec::new();
        }
        let filters = self.at[Point::Filter as usize].iter().filter(|place| further.contains(**place));
        let ask = |kin: &Kin| {
            let mut asked = filters.clone().filter(|_| kin.members > 0);
            asked
                .find_map(|place| self.run_filter_of(*place, cx, state, pod, cx.cache.node(kin.sample)).err())
        };
        contest.kin.iter().map(ask).collect()
    }

    /// Scores the kin that fit, and picks those whose leaders have the highest total.
    fn best_kin(
        &self,
        cx: &Context<'_>,
        pod: &PodInfo,
        contest: &Contest,
        fitting: &[usize],
        state: &mut CycleState,
    ) -> Vec<usize> {
        let scored =
            |kin: &usize| Scored { node: contest.kin[*kin].sample, count: contest.kin[*kin].members };
        let nodes: Vec<Scored> = fitting.iter().map(scored).collect();
        self.run_pre_score_nodes(state, &nodes);
        let mut totals: Vec<i64> = fitting.iter().map(|kin| contest.kin[*kin].best()).collect();
        for place in self.scorers(state) {
            let is_counted =
                self.local.contains(place) && self.plugin_at(place).normalization() == Normalization::None;
            if is_counted {
                continue;
            }
            let (_, normalized) = self.run_score_of(place, cx, state, pod, &nodes);
            for (total, score) in totals.iter_mut().zip(normalized) {
                *total += score * self.weight(place);
            }
        }
        let (highest, _) = best(&totals);
        let mut best = fitting.to_vec();
        let mut totals = totals.iter();
        best.retain(|_| totals.next() == Some(&highest));
        best
    }

    /// Writes down why no node can run the pod.
    fn diagnose(
        &self,
        cx: &Context<'_>,
        shape: &Shape,
        refusals: Vec<Option<Refusal>>,
        promised: Vec<(NodeIndex, bool, Refusal)>,
        found: &mut Feasibility,
    ) {
        let diagnosis = &mut found.diagnosis;
        let known = shape.answers.iter().zip(&shape.given);
        for ((place, _), _) in known.clone().filter(|(_, given)| **given > 0) {
            diagnosis.rejectors.insert(*place);
        }
        let answers = known.map(|((_, status), given)| (status.clone(), *given)).collect();
        diagnosis.take_over(answers, shape.verdicts.clone());
        let members = |number: &usize| shape.contest.kin[*number].members > 0;
        if (0..refusals.len()).any(|number| members(&number)) {
            let place_of = |refusal: Option<Refusal>| {
                let (place, status) = refusal?;
                diagnosis.rejectors.insert(place);
                Some(diagnosis.answer(status))
            };
            let places: Vec<Option<u16>> = refusals.into_iter().map(place_of).collect();
            for node in cx.cache.order() {
                if let Some(place) = shape.contest.kin_of(*node).and_then(|kin| places[kin]) {
                    diagnosis.reject_as(*node, place);
                }
            }
        }
        for (node, _, (place, status)) in promised {
            diagnosis.rejectors.insert(place);
            diagnosis.reject_after_all(node, status);
        }
    }
}
