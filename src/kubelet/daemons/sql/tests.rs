use super::*;

fn server() -> Server {
    let settings = Settings {
        version: "5.7.44-log".into(),
        hostname: "mydb-0".into(),
        id: "100".into(),
        logs: true,
        users: vec![("root".into(), String::new())],
        ..Settings::default()
    };
    Server::new(settings)
}

fn ask(server: &mut Server, text: &str) -> String {
    let mut session = Session {
        now: "2026-11-21 00:00:00".into(),
        user: "root".into(),
        from: "%".into(),
        ..Session::default()
    };
    let (done, wrong, ..) = server.run(text, &mut session);
    let rows = done.iter().filter_map(|done| match done {
        Done::Rows(rows) => Some(rows.tabbed(true)),
        Done::Did(_) => None,
    });
    let wrong =
        wrong.map(|wrong| format!("{} ({}) {}", wrong.code, wrong.state, wrong.text)).unwrap_or_default();
    rows.collect::<String>() + &wrong
}

#[test]
fn the_statements_of_tutorials_work() {
    let mut server = server();
    let cases = [
        ("CREATE DATABASE test; CREATE TABLE test.messages (message VARCHAR(250));", ""),
        ("INSERT INTO test.messages VALUES ('hello'), ('you')", ""),
        ("SELECT * FROM test.messages", "message\nhello\nyou\n"),
        ("select count(*) from test.messages", "count(*)\n2\n"),
        ("SELECT @@server_id,NOW()", "@@server_id\tNOW()\n100\t2026-11-21 00:00:00\n"),
        ("SELECT 1", "1\n1\n"),
        ("SELECT 1+1 AS two, 'x' y", "two\ty\n2\tx\n"),
        ("USE test; SHOW TABLES", "Tables_in_test\nmessages\n"),
        (
            "use test; create table if not exists t (id int auto_increment primary key, name varchar(20) not null, n int default 7); \
             insert into t (name) values ('a'), ('b'); update t set n = n + 1 where name = 'b'; select * from t order by id desc",
            "id\tname\tn\n2\tb\t8\n1\ta\t7\n",
        ),
        ("select name from test.t where id > 1 and name like 'b%' limit 1", "name\nb\n"),
        ("delete from test.t where id in (1, 3); select count(*) as c from test.t", "c\n1\n"),
        (
            "insert into test.t (id, name) values (2, 'x')",
            "1062 (23000) Duplicate entry '2' for key 'PRIMARY'",
        ),
        ("SELECT * FROM nope", "1046 (3D000) No database selected"),
        ("SELECT * FROM test.nope", "1146 (42S02) Table 'test.nope' doesn't exist"),
        ("SELECT x FROM test.messages", "1054 (42S22) Unknown column 'x' in 'field list'"),
        ("CREATE DATABASE test", "1007 (HY000) Can't create database 'test'; database exists"),
        ("SHOW DATABASES", "Database\ninformation_schema\nmysql\nperformance_schema\nsys\ntest\n"),
    ];
    for (text, want) in cases {
        assert_eq!(ask(&mut server, text), want, "{text}");
    }
    assert!(ask(&mut server, "SELEC 1").starts_with("1064 (42000) You have an error in your SQL syntax"));
    let mut again = Server::new(server.settings.clone());
    server.files().iter().for_each(|(path, text)| again.load(path, text));
    assert_eq!((again.databases == server.databases, again.position), (true, server.position));
}

#[test]
fn a_copy_takes_no_writes() {
    let mut server = server();
    server.settings.read_only = true;
    assert_eq!(
        ask(&mut server, "CREATE DATABASE x"),
        "1290 (HY000) The MySQL server is running with the --super-read-only option so it cannot execute this statement"
    );
    let mut session = Session::default();
    let text = "CHANGE MASTER TO MASTER_LOG_FILE='mydb-0-bin.000003', MASTER_LOG_POS=154, MASTER_HOST='mydb-0.mydb', \
                MASTER_USER='root', MASTER_PASSWORD='', MASTER_CONNECT_RETRY=10; START SLAVE;";
    let (_, wrong, changed, follows) = server.run(text, &mut session);
    assert_eq!((wrong, changed, follows), (None, true, Some("mydb-0.mydb".into())));
}

#[test]
fn answers_look_as_the_clients_print_them() {
    let rows =
        Rows::of(&["id", "name"], vec![vec!["1".into(), "a".into()], vec!["20".into(), "bcdef".into()]]);
    assert_eq!(
        rows.boxed(),
        "+----+-------+\n| id | name  |\n+----+-------+\n|  1 | a     |\n| 20 | bcdef |\n+----+-------+\n"
    );
    assert_eq!(rows.aligned(), " id | name  \n----+-------\n  1 | a\n 20 | bcdef\n(2 rows)\n\n");
}

#[test]
fn no_statement_is_too_much() {
    let mut server = server();
    let near = "1064 (42000) You have an error in your SQL syntax";
    for text in ["NOT ".repeat(50_000), "- ".repeat(50_000), "(".repeat(50_000), "NOT (".repeat(50_000)] {
        let (head, answer) = (text[..8].to_string(), ask(&mut server, &format!("SELECT {text}1")));
        assert!(answer.starts_with(near), "{head}: {}", &answer[..100.min(answer.len())]);
    }
    assert_eq!(ask(&mut server, "SELECT NOT NOT 1 AS a"), "a\n1\n");
    let long = "x".repeat(40_000);
    for text in [format!("concat('{long}', '{long}')"), format!("'{long}' || '{long}'")] {
        assert_eq!(ask(&mut server, &format!("SELECT {text} AS a")), "a\nNULL\n");
    }
    // Wider than `format!` can make it.
    let rows = Rows::of(&["a"], vec![vec!["x".repeat(70_000)], vec!["y".into()]]);
    assert!(rows.boxed().len() < 80_000 && rows.aligned().len() < 80_000);
    let rows = Rows::of(&[&"x".repeat(70_000), "b"], vec![vec!["1".into(), "2".into()]]);
    assert!(rows.vertical().len() < 80_000);
}

#[test]
fn rows_have_one_order() {
    let mut server = server();
    let text = "CREATE DATABASE d; USE d; CREATE TABLE t (a text); INSERT INTO t VALUES ('1a'), ('10'), (NULL), ('2'), ('b'); \
                SELECT a FROM t ORDER BY a";
    assert_eq!(ask(&mut server, text), "a\nNULL\n2\n10\n1a\nb\n");
}

#[test]
fn rows_are_as_long_as_there_are_columns() {
    let mut server = server();
    let text =
        "CREATE DATABASE d; USE d; CREATE TABLE t (id int primary key, n int); INSERT INTO t VALUES (1, 2)";
    assert_eq!(ask(&mut server, text), "");
    let mut again = Server::new(server.settings.clone());
    for (path, text) in server.files() {
        let text = if path.starts_with("d/") { text + "[]\n[\"3\", \"4\", \"5\"]\n" } else { text };
        again.load(&path, &text);
    }
    let text = "USE d; INSERT INTO t VALUES (7, 8); UPDATE t SET n = 9; SELECT * FROM t ORDER BY id";
    assert_eq!(ask(&mut again, text), "id\tn\nNULL\t9\n1\t9\n3\t9\n7\t9\n");
}

#[test]
fn a_server_does_not_grow_without_end() {
    let mut server = server();
    let rows = vec![format!("('{}')", "x".repeat(1_000)); 1_000].join(", ");
    let text = format!("CREATE DATABASE d; CREATE TABLE d.t (a text); INSERT INTO d.t VALUES {rows}");
    assert_eq!(ask(&mut server, &text), "");
    let double = "UPDATE d.t SET a = concat(a, a)";
    for want in ["", "", "1114 (HY000) The table 't' is full"] {
        assert_eq!(ask(&mut server, double), want);
    }
    assert_eq!(ask(&mut server, "SELECT length(a) AS n FROM d.t LIMIT 1"), "n\n4000\n");
}
