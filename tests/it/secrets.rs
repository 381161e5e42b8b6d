//! What the program says of a `DATABASE_URL` that does not work never holds the password, whatever is wrong with the URL.

use crate::support::program;

const PASSWORD: &str = "hunter2";

/// Each with the password in it.
const URLS: [&str; 21] = [
    "postgres://u:hunter2@127.0.0.1:1/db",
    "postgres://u:hunter2@127.0.0.1:1,127.0.0.1:2/db?target_session_attrs=read-write",
    "postgres://u:hunter2@no-such-host.invalid/db",
    "postgres://u:hunter2@127.0.0.1:port/db",
    "postgres://u:hunter2@127.0.0.1:99999/db",
    "postgres://u:hunter2@127.0.0.1:1/db?sslmode=hunter2",
    "postgres://u:hunter2@127.0.0.1:1/db?hunter2=hunter2",
    "postgres://u@127.0.0.1:1/db?password=hunter2&sslpassword=hunter2",
    "postgres://u@127.0.0.1:1/db?password=a&hunter2",
    "postgres://u@127.0.0.1:1/db?password=hunter2",
    "postgres://u:hunter2/x@127.0.0.1:1/db",
    "postgres://u:12/hunter2@127.0.0.1:1/db",
    "postgres://u:12?hunter2@127.0.0.1:1/db",
    "postgres://u:12#hunter2@127.0.0.1:1/db",
    "postgres://u:hunter2%zz@127.0.0.1:1/db",
    "postgres://u:hunter2%ff@127.0.0.1:1/db",
    "postgres://u:hunter2 @127.0.0.1:1/db",
    "postgres://u:hunter2",
    "postgres:u:hunter2@127.0.0.1:1/db",
    "postgers://u:hunter2@127.0.0.1:1/db",
    "postgres://u:hunter2@127.0.0.1:1/db?target_session_attrs=standby",
];

#[test]
fn no_message_and_no_log_line_contains_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let all = |url: &str, command: &[&str]| -> (Option<i32>, String) {
        let environment = program::environment(url, "http://127.0.0.1:1");
        let mut variables: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.extend([("RUST_LOG", "trace"), ("BIND_ADDRESS", "127.0.0.1:0")]);
        let output = program::run(folder.path(), command, &variables);
        (output.status.code(), program::out(&output) + &program::err(&output))
    };
    // All at once: those that may be a database's address are tried for seconds.
    std::thread::scope(|scope| {
        for url in URLS {
            let all = &all;
            scope.spawn(move || {
                for command in [&["serve"][..], &["migrate", "status"]] {
                    let (code, told) = all(url, command);
                    assert!(matches!(code, Some(1 | 2)), "{url}: {told}");
                    assert!(!told.contains(PASSWORD), "{url}: {told}");
                    assert!(told.lines().any(|line| !line.trim().is_empty()), "{url}: nothing is said");
                }
            });
        }
    });
    let (_, told) = all(URLS[1], &["serve"]);
    for host in ["127.0.0.1:1:", "127.0.0.1:2:"] {
        assert!(told.contains(host), "each host is named: {told}");
    }
}
