use super::*;
use crate::scheduler::framework::{Framework, Point};
use crate::scheduler::plugins::names;

fn parse(body: &str) -> Result<Configuration, String> {
    Configuration::parse(&format!("apiVersion: {API_VERSION}\nkind: {KIND}\n{body}"))
}

#[track_caller]
fn check_refused(body: &str, want: &str) {
    assert_eq!(parse(body).err().as_deref(), Some(want), "{body}");
}

/// The plugins of a point with their weights, in order.
fn at(body: &str, point: Point) -> Vec<(String, i64)> {
    let configuration = parse(body).expect("a configuration that is right");
    let framework = Framework::new(&configuration.profiles[0]);
    framework
        .places_at(point)
        .iter()
        .map(|place| (framework.plugin_name(*place).to_string(), framework.weight(*place)))
        .collect()
}

fn scorers(body: &str) -> String {
    let all = at(body, Point::Score);
    all.iter().map(|(name, weight)| format!("{name}={weight}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn plugins_are_switched_and_weighed_at_all_points_and_at_single_ones() {
    const DEFAULTS: &str = "TaintToleration=3 NodeAffinity=2 NodeResourcesFit=1 PodTopologySpread=2 InterPodAffinity=2 DynamicResources=2 \
        NodeResourcesBalancedAllocation=1 ImageLocality=1";
    assert_eq!(scorers(""), DEFAULTS);
    assert_eq!(scorers("profiles: [{plugins: {score: {disabled: [{name: '*'}]}}}]"), "");
    assert_eq!(
        scorers(
            "profiles: [{plugins: {score: {disabled: [{name: '*'}], enabled: [{name: ImageLocality, weight: 7}]}}}]"
        ),
        "ImageLocality=7"
    );
    assert_eq!(
        scorers("profiles: [{plugins: {score: {enabled: [{name: ImageLocality, weight: 7}]}}}]"),
        "ImageLocality=7 TaintToleration=3 NodeAffinity=2 NodeResourcesFit=1 PodTopologySpread=2 InterPodAffinity=2 DynamicResources=2 \
        NodeResourcesBalancedAllocation=1",
        "one that is named at the point itself comes first"
    );
    assert_eq!(
        scorers(
            "profiles: [{plugins: {multiPoint: {enabled: [{name: NodeAffinity, weight: 9}], disabled: [{name: ImageLocality}]}}}]"
        ),
        "TaintToleration=3 NodeAffinity=9 NodeResourcesFit=1 PodTopologySpread=2 InterPodAffinity=2 DynamicResources=2 \
        NodeResourcesBalancedAllocation=1",
        "one that is named at all points keeps its place"
    );
    let only_some = "profiles: [{plugins: {multiPoint: {disabled: [{name: '*'}], enabled: [{name: PrioritySort}, \
        {name: DefaultBinder}, {name: NodeResourcesFit}, {name: TaintToleration, weight: 4}]}}}]";
    assert_eq!(scorers(only_some), "NodeResourcesFit=1 TaintToleration=4");
    let filters: Vec<String> = at(only_some, Point::Filter).into_iter().map(|(name, _)| name).collect();
    assert_eq!(filters, [names::NODE_RESOURCES_FIT, names::TAINT_TOLERATION]);
}

#[test]
fn what_is_wrong_is_said_as_kube_scheduler_says_it() {
    check_refused("profile: []", "strict decoding error: unknown field \"profile\"");
    check_refused(
        "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {strategy: x}}]}]",
        "strict decoding error: decoding .profiles[0].pluginConfig[0]: strict decoding error: decoding args for plugin \
         NodeResourcesFit: strict decoding error: unknown field \"strategy\"",
    );
    check_refused(
        "percentageOfNodesToScore: 101",
        "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
    );
    check_refused(
        "podInitialBackoffSeconds: 0",
        "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0",
    );
    check_refused(
        "podInitialBackoffSeconds: 20\nparallelism: 0",
        "[parallelism: Invalid value: 0: should be an integer value greater than zero, podMaxBackoffSeconds: Invalid \
         value: 10: must be greater than or equal to PodInitialBackoffSeconds]",
    );
    check_refused("profiles: [{schedulerName: a}, {}]", "profiles[1].schedulerName: Required value");
    check_refused(
        "profiles: [{pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: 101}}]}]",
        "profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]",
    );
    check_refused(
        "profiles: [{pluginConfig: [{name: DefaultPreemption, args: {minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0}}]}]",
        "[profiles[0].pluginConfig[0].args.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time \
         as minCandidateNodesAbsolute, profiles[0].pluginConfig[0].args.minCandidateNodesAbsolute: Invalid value: 0: \
         cannot be zero at the same time as minCandidateNodesPercentage]",
    );
    check_refused(
        "profiles: [{pluginConfig: [{name: PodTopologySpread, args: {defaultConstraints: [{maxSkew: 1, topologyKey: zone, \
         whenUnsatisfiable: ScheduleAnyway}]}}]}]",
        "profiles[0].pluginConfig[0].args.defaultingType: Invalid value: \"System\": when .defaultConstraints are not empty",
    );
    check_refused(
        "profiles: [{plugins: {score: {enabled: [{name: Nope}]}}}]",
        "initializing profiles: creating profile for scheduler name default-scheduler: ScorePlugin \"Nope\" does not exist",
    );
    check_refused(
        "profiles: [{plugins: {score: {enabled: [{name: NodeName}]}}}]",
        "initializing profiles: creating profile for scheduler name default-scheduler: plugin \"NodeName\" does not extend \
         ScorePlugin plugin",
    );
    check_refused(
        "profiles: [{plugins: {bind: {disabled: [{name: DefaultBinder}]}}}]",
        "initializing profiles: creating profile for scheduler name default-scheduler: at least one bind plugin is needed \
         for profile with scheduler name \"default-scheduler\"",
    );
    check_refused(
        "profiles: [{plugins: {queueSort: {disabled: [{name: '*'}]}}}]",
        "initializing profiles: creating profile for scheduler name default-scheduler: only one queue sort plugin required \
         for profile with scheduler name \"default-scheduler\", but got 0",
    );
    check_refused(
        "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Most}}}]}]",
        "initializing profiles: creating profile for scheduler name default-scheduler: initializing plugin \
         \"NodeResourcesFit\": scoringStrategy.type: Unsupported value: \"Most\": supported values: \"LeastAllocated\", \
         \"MostAllocated\", \"RequestedToCapacityRatio\"",
    );
    const NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
        character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
        '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    check_refused(
        "profiles: [{pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: [{maxSkew: 1, \
         topologyKey: a b, whenUnsatisfiable: ScheduleAnyway}]}}]}]",
        &format!(
            "profiles[0].pluginConfig[0].args.defaultConstraints[0].topologyKey: Invalid value: \"a b\": {NAME}"
        ),
    );
    check_refused(
        "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {ignoredResources: [a b]}}]}]",
        &format!(
            "initializing profiles: creating profile for scheduler name default-scheduler: initializing plugin \
             \"NodeResourcesFit\": ignoredResources[0]: Invalid value: \"a b\": {NAME}"
        ),
    );
    check_refused(
        "profiles: [{pluginConfig: [{name: NodeAffinity, args: {addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
         {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In}, {key: -a, operator: Exists}]}]}}}}]}]",
        &format!(
            "[profiles[0].pluginConfig[0].args.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.\
             nodeSelectorTerms[0].matchExpressions[0].values: Invalid value: null: for 'in', 'notin' operators, values set \
             can't be empty, profiles[0].pluginConfig[0].args.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.\
             nodeSelectorTerms[0].matchExpressions[1].key: Invalid value: \"-a\": {NAME}]"
        ),
    );
    check_refused(
        "profiles: [{pluginConfig: [{name: DynamicResources, args: {filterTimeout: -5s}}]}]",
        "initializing profiles: creating profile for scheduler name default-scheduler: initializing plugin \
         \"DynamicResources\": filterTimeout: Invalid value: -5s: must be zero or positive",
    );
    check_refused(
        "profiles: [{plugins: {filter: {enabled: [{name: EBSLimits}]}}}]",
        "profiles[0].plugins.filter.enabled[0]: Invalid value: \"EBSLimits\": was invalid in version \
         \"kubescheduler.config.k8s.io/v1\" (KubeSchedulerConfiguration is version \"kubescheduler.config.k8s.io/v1\")",
    );
}
