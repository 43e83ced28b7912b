use super::*;

/// Runs a script to its end, or for a day: the time it took in milliseconds, and its exit code if it ended.
fn check(script: &str) -> (u64, Option<i32>) {
    let words: Vec<String> = ["sh", "-c", script].iter().map(|word| (*word).to_string()).collect();
    let Some(program) = Program::of_command(&words) else { return (0, None) };
    let mut process = Process::new(program, BTreeMap::from([("HOME".into(), "/root".into())]));
    let mut time = SimDuration::ZERO;
    while time < SimDuration::from_secs(86_400) {
        match process.resume(World::default()) {
            Pause::Sleeps(span) => {
                time = time + span;
                process.ahead = time;
            }
            Pause::Ended(code) => return (time.as_millis(), Some(code)),
            Pause::StaysUp | Pause::Rests => return (time.as_millis(), None),
        }
    }
    (time.as_millis(), None)
}

#[test]
fn scripts_take_the_time_and_end_with_the_code_they_say() {
    let cases = [
        ("sleep 2; exit 3", 2_000, Some(3)),
        ("echo hello", 0, Some(0)),
        ("false", 0, Some(1)),
        ("false && sleep 9", 0, Some(1)),
        ("false || sleep 0.5", 500, Some(0)),
        ("echo 'a; sleep 9' && true", 0, Some(0)),
        ("! false && sleep 1", 1_000, Some(0)),
        ("sleep 1m\nsleep 1", 61_000, Some(0)),
        ("echo a | grep a; sleep 1 # done", 1_000, Some(0)),
        ("sleep 100 & sleep 1", 1_000, Some(0)),
        ("exit", 0, Some(0)),
        ("set -e; false; sleep 9", 0, Some(1)),
        ("set -e; false || true; sleep 9", 9_000, Some(0)),
        ("set -e; { true; false; } || sleep 9", 9_000, Some(0)),
        ("set -e; { true; false; }; sleep 9", 0, Some(1)),
        ("set -e; if true; then false; fi || sleep 9; for i in 1; do false; done; sleep 1", 9_000, Some(1)),
        ("set -e; echo } { && false; sleep 9", 0, Some(1)),
        ("(sleep 1; sleep 2) && { sleep 3; }", 6_000, Some(0)),
        ("echo \"starting $(date)\"; sleep 1", 1_000, Some(0)),
        ("sleep infinity", 0, None),
        ("tail -f /dev/null", 0, None),
        ("sleep 3 && exec nginx -g 'daemon off;'", 3_000, None),
        ("while true; do :; done", 0, None),
    ];
    for (script, millis, code) in cases {
        assert_eq!(check(script), (millis, code), "{script}");
    }
}

#[test]
fn branches_and_loops_go_where_a_shell_goes() {
    let cases = [
        ("if true; then sleep 1; else sleep 2; fi", 1_000, Some(0)),
        ("if false; then sleep 1; elif true; then sleep 3; else sleep 2; fi", 3_000, Some(0)),
        ("if [ -f /tmp/x ]; then sleep 1; fi; sleep 2", 2_000, Some(0)),
        ("touch /tmp/x; if [ -f /tmp/x ]; then sleep 1; fi", 1_000, Some(0)),
        ("echo 1 > /tmp/x; test -e /tmp/x && sleep 4", 4_000, Some(0)),
        ("for i in 1 2 3; do sleep $i; done", 6_000, Some(0)),
        ("for i in $(seq 1 4); do sleep 1; done; exit 7", 4_000, Some(7)),
        ("i=0; while [ $i -lt 5 ]; do i=$((i+1)); sleep 1; done", 5_000, Some(0)),
        ("i=3; until [ \"$i\" = 0 ]\ndo\n  sleep 2\n  i=$((i - 1))\ndone\nexit 2", 6_000, Some(2)),
        ("[ \"$HOME\" = /root ] && sleep 1", 1_000, Some(0)),
    ];
    for (script, millis, code) in cases {
        assert_eq!(check(script), (millis, code), "{script}");
    }
}

#[test]
fn what_is_no_script_we_can_read_is_a_server() {
    let deep = format!("{}true{}", "( ".repeat(200), ")".repeat(200));
    for script in ["select x in a; do echo; done", "echo 'open", &deep] {
        assert_eq!(check(script), (0, None), "{script}");
    }
}

/// What a script prints, and its exit code.
fn said(script: &str) -> (String, Option<i32>) {
    let words: Vec<String> = ["sh", "-c", script].iter().map(|word| (*word).to_string()).collect();
    let limit = SimDuration::from_secs(60);
    let mut files = Files::default();
    let answer =
        run_beside(&words, (&mut files, &mut Daemons::default()), BTreeMap::new(), World::default(), limit);
    answer.map(|answer| (answer.said, answer.code)).unwrap_or_default()
}

#[test]
fn what_is_printed_goes_where_the_script_sends_it() {
    let cases = [
        ("echo a > /tmp/x; echo b >> /tmp/x; cat /tmp/x", "a\nb\n", 0),
        ("echo a; echo b >&2", "a\nb\n", 0),
        ("cat /tmp/none 2>/dev/null || echo none", "none\n", 0),
        ("cat /data/x", "cat: can't open '/data/x': No such file or directory\n", 1),
        ("echo x > /data/x", "sh: can't create /data/x: nonexistent directory\n", 1),
        ("printf 'b\\na\\n' | sort | head -1", "a\n", 0),
        ("echo one two | wc -w", "2\n", 0),
        ("X=$(echo hello | tr a-z A-Z); echo $X-$?", "HELLO-0\n", 0),
        ("echo a b > /tmp/x; while read one two; do echo $two; done < /tmp/x", "b\n", 0),
        ("seq 3 | while read n; do echo n$n; done", "n1\nn2\nn3\n", 0),
        ("L='a b'; for i in $L c; do echo $i; done", "a\nb\nc\n", 0),
        ("for i in 1 2 3; do if [ $i = 2 ]; then break; fi; echo $i; done; echo out", "1\nout\n", 0),
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n", 0),
        ("echo ${NAME:-nobody}; NAME=me; echo ${NAME:-nobody}", "nobody\nme\n", 0),
        ("cat <<EOF > /tmp/x\nhello $(echo you)\nEOF\ncat /tmp/x", "hello you\n", 0),
        ("mkdir -p /data/a; touch /data/a/f /data/b; ls /data", "a\nb\n", 0),
        ("{ echo a; echo b; } > /tmp/x; wc -l < /tmp/x", "2\n", 0),
        ("echo secret | base64 | base64 -d", "secret\n", 0),
        ("echo a:b:c | cut -d: -f2; echo x=1 | sed 's/=/ is /'", "b\nx is 1\n", 0),
        ("echo hi | tee /tmp/t >/dev/null; grep -c h /tmp/t", "1\n", 0),
        ("export A=1; unset A; printenv A", "", 1),
        ("[[ web-12 =~ -([0-9]+)$ ]] || exit 1; echo $((100 + ${BASH_REMATCH[1]}))", "112\n", 0),
        (
            "[[ -f /tmp/no && x = x ]] || echo no; [[ ! -f /tmp/no && ( a == a* || 2 -gt 3 ) ]] && echo yes",
            "no\nyes\n",
            0,
        ),
        (
            "H=db-0.svc; echo ${H##*-} ${H%%.*} ${H#db-} ${H/db/web} ${#H} ${NO:=x}$NO ${H:0:2}",
            "0.svc db-0 0.svc web-0.svc 8 xx db\n",
            0,
        ),
        ("case db-1 in web*) echo w;; db-[0-9]|x) echo d;; *) echo other;; esac", "d\n", 0),
        ("echo hi > /tmp/x; echo $(</tmp/x)-`cat /tmp/x`", "hi-hi\n", 0),
        ("echo 'a;' | sed -E 's/;$//g'; echo x1 | grep -Eo '[0-9]'", "a\n1\n", 0),
        ("set -x; A=`echo b c`; echo $A 'd e'", "++ echo b c\n+ A='b c'\n+ echo b c 'd e'\nb c d e\n", 0),
        ("echo one \\\n  two", "one two\n", 0),
        (
            "mysql -e 'select 1'",
            "ERROR 2002 (HY000): Can't connect to local MySQL server through socket '/var/run/mysqld/mysqld.sock' (2)\n",
            1,
        ),
        ("f() { echo \"f $1 of $#\"; return 3; }; f a b; echo $?", "f a of 2\n3\n", 0),
        (
            "f() { for x in \"$@\"; do echo \"[$x]\"; done; }; f 'a b' c | wc -l; X=$(f d); echo $X",
            "2\n[d]\n",
            0,
        ),
        (
            "f() { local n=$1; [ $n -le 1 ] && { echo 1; return; }; echo $((n * $(f $((n - 1))))); }; f 4",
            "24\n",
            0,
        ),
        ("log() { echo \"$*\" >> /tmp/l; }; log a b; log c; cat /tmp/l", "a b\nc\n", 0),
        ("f() { echo x; }; f > /tmp/x; f >> /tmp/x; wc -l < /tmp/x", "2\n", 0),
        ("set -- a b c; shift; echo $1 $# ${2:-none} ${9:-none}", "b 2 c none\n", 0),
        (
            "echo 'echo run $1' > /tmp/s.sh; sh /tmp/s.sh it; . /tmp/s.sh; chmod +x /tmp/s.sh; /tmp/s.sh too",
            "run it\nrun\nrun too\n",
            0,
        ),
        (
            "sh -c 'echo $0 $1' name told; sh /tmp/none",
            "sh told\nsh: can't open '/tmp/none': No such file or directory\n",
            2,
        ),
        ("function hi { echo hi; }\nhi\ntrap 'echo out' EXIT\nexit 3", "hi\nout\n", 3),
        (
            "for ((i = 0; i < 3; i++)); do echo -n $i; done; n=7; ((n += 3)); ((n > 9)) && echo /$n",
            "012/10\n",
            0,
        ),
        (
            "i=1; echo $((i++)) $i $((i * (2 + 1))) $(( $(echo 4) - 1 )); let i=i+5; echo $i",
            "1 2 6 3\n7\n",
            0,
        ),
        ("expr 3 + 4; expr 7 - 7 || echo zero; x=$(expr 2 \\* 3); echo $x", "7\n0\nzero\n6\n", 0),
        (
            "echo 'a b c' | awk '{print $2, $NF}'; printf 'x:1\ny:2\n' | awk -F: '$2>1 {print $1\"=\"$2}'",
            "b c\ny=2\n",
            0,
        ),
        (
            "printf 'a b\nc\n' | xargs -n1 echo got; echo z | xargs -I{} echo [{}]",
            "got a\ngot b\ngot c\n[z]\n",
            0,
        ),
        (
            "printf 'a\nx\nb\nc\n' | grep -A1 x; echo abcdef | cut -c2-4; printf 'a\na\nb\n' | uniq -c",
            "x\nb\nbcd\n      2 a\n      1 b\n",
            0,
        ),
        (
            "eval 'echo ev'; command -v wget; command -v nothing || echo no; timeout 2 sleep 1; echo $?",
            "ev\n/bin/wget\nno\n0\n",
            0,
        ),
        ("yes | head -2; env > /tmp/e; date +%s", "y\ny\n1767225600\n", 0),
        ("ls /nowhere", "ls: /nowhere: No such file or directory\n", 1),
    ];
    for (script, want, code) in cases {
        assert_eq!(said(script), (want.to_string(), Some(code)), "{script}");
    }
}

/// When a script ends after SIGTERM, which comes after so many milliseconds, with what code, and what it has said by then.
fn asked_to_end(script: &str, at: u64) -> Option<(u64, i32, String)> {
    let words = ["sh", "-c", script].map(str::to_string);
    let mut process = Process::new(Program::of_command(&words)?, BTreeMap::new());
    let (at, mut told) = (SimDuration::from_millis(at), false);
    while process.ahead < SimDuration::from_secs(60) {
        if process.ahead == at && !std::mem::replace(&mut told, true) {
            process.signal();
        }
        let next = match process.resume(World::default()) {
            Pause::Sleeps(span) => Some(process.ahead + span),
            Pause::Ended(code) => return Some((process.ahead.as_millis(), code, process.take_said())),
            Pause::StaysUp | Pause::Rests => None,
        };
        process.ahead = match next {
            Some(next) if told || next < at => next,
            None if told => return None,
            _ => at,
        };
    }
    None
}

#[test]
fn a_trap_runs_when_the_command_in_the_foreground_is_over() {
    let bye = |at, code| Some((at, code, "bye\n".to_string()));
    let cases = [
        ("trap 'echo bye; exit 3' TERM; while true; do sleep 1; done", 2_500, bye(3_000, 3)),
        ("trap 'echo bye; exit 3' TERM; sleep 50", 2_500, bye(50_000, 3)),
        ("trap 'echo bye; exit 3' TERM; sleep infinity", 2_500, None),
        ("trap 'echo bye; exit 3' TERM; sleep 50 & wait", 2_500, bye(2_500, 3)),
        ("trap 'echo bye' TERM; sleep infinity & wait $!", 2_500, bye(2_500, 143)),
        ("trap 'kill $P; echo bye' TERM; sleep 50 & P=$!; wait $P; wait $P", 500, bye(500, 143)),
        (
            "bye() { echo bye; sleep 2; exit 0; }; trap bye SIGTERM; while :; do sleep 1; done",
            1_200,
            bye(4_000, 0),
        ),
        ("trap 'echo bye' EXIT; trap 'exit 4' TERM; while :; do sleep 1; done", 1_200, bye(2_000, 4)),
        ("trap '' TERM; sleep 9; echo bye", 1_000, bye(9_000, 0)),
        ("while true; do sleep 1; done", 1_500, None),
    ];
    for (script, at, want) in cases {
        assert_eq!(asked_to_end(script, at), want, "{script}");
    }
}

#[test]
fn jobs_run_beside_what_started_them() {
    let cases = [
        ("sleep 5 & sleep 1", 1_000, Some(0)),
        ("sleep 5 & wait", 5_000, Some(0)),
        ("(sleep 2; exit 7) & P=$!; sleep 4; wait $P", 4_000, Some(7)),
        ("(sleep 3; touch /tmp/go) & until [ -f /tmp/go ]; do sleep 2; done", 4_000, Some(0)),
        ("for i in 1 2 3; do sleep $i & done; wait; exit 2", 3_000, Some(2)),
        ("sleep 9 & kill $!; wait", 0, Some(0)),
        ("nginx & sleep 2; kill -0 $! && exit 5", 2_000, Some(5)),
        ("nginx & wait", 0, None),
        ("bomb() { bomb | bomb & }; bomb; sleep 2", 2_000, Some(0)),
    ];
    for (script, millis, code) in cases {
        assert_eq!(check(script), (millis, code), "{script}");
    }
}

#[test]
fn a_subshell_keeps_what_it_sets_to_itself() {
    let cases = [
        ("x=1; (x=2; echo $x); echo $x", "2\n1\n", 0),
        ("(cd /tmp && pwd); pwd", "/tmp\n/\n", 0),
        ("(exit 3); echo $?", "3\n", 0),
        ("(exit 3) || echo no; (echo a; exit 0; echo b) && echo c", "no\na\nc\n", 0),
        ("set -e; (false; echo a); echo b", "", 1),
        ("set -e; (false; true) || echo no; echo b", "b\n", 0),
        ("(set -e; false; echo a); echo b", "b\n", 0),
        ("f() { echo out; }; (f() { echo in; }; f); f", "in\nout\n", 0),
        ("trap 'echo bye' EXIT; (trap 'echo inner' EXIT; echo x); echo y", "x\ninner\ny\nbye\n", 0),
        ("(echo b; echo a) | sort; (echo c) > /tmp/x; cat /tmp/x", "a\nb\nc\n", 0),
        ("f() { (return_code=4; exit $return_code); echo $?; }; f", "4\n", 0),
        ("for i in 1 2; do (i=9; echo $i); echo $i; done", "9\n1\n9\n2\n", 0),
        ("x=$( (echo a; (echo b; exit 2); echo $?) ); echo $x", "a b 2\n", 0),
    ];
    for (script, text, code) in cases {
        assert_eq!(said(script), (text.into(), Some(code)), "{script}");
    }
}

#[test]
fn patterns_outside_of_quotes_name_files() {
    let make = "mkdir -p /data/a /data/b; touch /data/a/1.txt /data/b/2.txt /data/.hidden /data/c.log; ";
    let cases = [
        ("for f in /data/*; do echo $f; done", "/data/a\n/data/b\n/data/c.log\n"),
        ("for f in /data/*/*.txt; do basename $f .txt; done", "1\n2\n"),
        (
            "cd /data; echo *.log ?; D=/data; echo \"$D\"/[ab]*/?.txt",
            "c.log a b\n/data/a/1.txt /data/b/2.txt\n",
        ),
        ("for f in /data/*.none; do echo $f; done", "/data/*.none\n"),
        ("echo '/data/*' \"/data/*\" /data/\\*", "/data/* /data/* /data/*\n"),
        ("P='/data/*.log'; echo $P \"$P\"", "/data/c.log /data/*.log\n"),
        ("X=/data/*; echo \"$X\"; case a.txt in *.txt) echo fits;; esac", "/data/*\nfits\n"),
    ];
    for (script, text) in cases {
        assert_eq!(said(&format!("{make}{script}")), (text.into(), Some(0)), "{script}");
    }
}

#[test]
fn a_program_that_an_image_is_known_not_to_have_is_not_found() {
    let cases = [
        ("busybox:1.36", "xyz; echo $?", "sh: xyz: not found\n127\n", Some(0)),
        ("alpine", "/app/server --port 1 || exit 4", "sh: /app/server: not found\n", Some(4)),
        ("alpine", "echo $(xyz 2>&1)", "sh: xyz: not found\n", Some(0)),
        ("busybox", "xyz", "sh: xyz: not found\n", Some(127)),
        // What is installed is not known, nor what other images have.
        ("alpine", "apk add xyz && xyz", "", None),
        ("example.com/app", "xyz", "", None),
        ("busybox", "httpd -f -p 80", "", None),
    ];
    for (image, script, text, code) in cases {
        let words: Vec<String> = ["sh", "-c", script].iter().map(|word| (*word).to_string()).collect();
        let variables = BTreeMap::from([(IMAGE.into(), image.into())]);
        let (mut files, mut daemons) = (Files::default(), Daemons::default());
        let limit = SimDuration::from_secs(60);
        let answer = run_beside(&words, (&mut files, &mut daemons), variables, World::default(), limit);
        let answer = answer.map(|answer| (answer.said, answer.code));
        assert_eq!(answer, Some((text.into(), code)), "{image}: {script}");
    }
}

#[test]
fn a_host_knows_its_domain() {
    let hosts = "printf '127.0.0.1\\tlocalhost\\n10.0.0.1\\tdb-0.db.default.svc.cluster.local\\tdb-0\\n' > /etc/hosts; ";
    let cases = [
        (
            format!("HOSTNAME=db-0; {hosts}hostname; hostname -f; hostname -d"),
            "db-0\ndb-0.db.default.svc.cluster.local\ndb.default.svc.cluster.local\n",
        ),
        ("HOSTNAME=web; hostname -f; hostname -d".into(), "web\n\n"),
    ];
    for (script, text) in cases {
        assert_eq!(said(&script), (text.into(), Some(0)), "{script}");
    }
}

#[test]
fn a_list_has_its_elements() {
    let cases = [
        ("items=(foo bar 'b z'); I=1; echo ${items[$I]} ${items[2]} $items ${#items[@]}", "bar b z foo 3\n"),
        ("a=(x 'y z'); for i in \"${a[@]}\"; do echo $i; done; echo ${a[@]} ${a[-1]}", "x\ny z\nx y z y z\n"),
        ("a=(); a+=(p q); a[1]=r; i=0; echo ${#a[@]} ${a[i+1]}-${a[7]}-", "2 r--\n"),
        ("a=(\n one\n two\n); a=(three); echo ${a[*]} $(seq 2 | rev) | rev", "2 1 eerht\n"),
        ("a=x; a+=y; echo $a", "xy\n"),
    ];
    for (script, text) in cases {
        assert_eq!(said(script), (text.into(), Some(0)), "{script}");
    }
}

#[test]
fn files_are_found_where_they_lie() {
    let make = "mkdir -p /data/a/b; touch /data/one.txt /data/a/two.TXT /data/a/b/three.log; cd /data; ";
    let cases = [
        ("find /data -type f", "/data/a/b/three.log\n/data/a/two.TXT\n/data/one.txt\n", 0),
        ("find . -name '*.txt'; find -maxdepth 1 -type d", "./one.txt\n.\n./a\n", 0),
        ("find a -iname '*.txt' -print; find a -mindepth 2", "a/two.TXT\na/b/three.log\n", 0),
        ("find nowhere 2>&1", "find: nowhere: No such file or directory\n", 1),
        ("realpath a/b one.txt; readlink -f a", "/data/a/b\n/data/one.txt\n/data/a\n", 0),
        ("realpath x 2>&1", "realpath: x: No such file or directory\n", 1),
        ("ls -R a", "a:\nb\ntwo.TXT\n\na/b:\nthree.log\n", 0),
    ];
    for (script, text, code) in cases {
        assert_eq!(said(&format!("{make}{script}")), (text.into(), Some(code)), "{script}");
    }
}
