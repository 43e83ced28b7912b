use std::io::Read;
fn main() {
    let mut pass = 0;
    let mut tot = 0;
    for f in std::env::args().skip(1) {
        let mut s = String::new();
        std::fs::File::open(&f).unwrap().read_to_string(&mut s).unwrap();
        let (mut p, mut n) = (0, 0);
        let mut first = None;
        for l in s.lines() {
            let c: serde_json::Value = serde_json::from_str(l).unwrap();
            n += 1;
            match kubeviz::scenario::conform::scheduler::run_case(&c) {
                Ok(()) => p += 1,
                Err(e) => {
                    first.get_or_insert(format!("{} {}", c["id"], e[0]));
                }
            }
        }
        println!(
            "{} {}/{} {}",
            f.rsplit('/').next().unwrap(),
            p,
            n,
            first.unwrap_or_default().replace('\n', " ").chars().take(400).collect::<String>()
        );
        pass += p;
        tot += n;
    }
    println!("{pass}/{tot}");
}
