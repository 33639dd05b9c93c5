//! `--print-config`: loads again, hides secrets; and the example of the documentation loads.

use rcgen::generate_simple_self_signed;

use super::harness::{PASSWORD, Setting, line};

/// The example of docs/configuration.md, its files made.
pub fn example() -> Setting {
    let page = include_str!("../../docs/configuration.md");
    let yaml = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let setting = Setting::file("");
    let directory = setting.directory().to_str().unwrap();
    let yaml = yaml.replace("/secrets/", &format!("{directory}/")).replace("/tls/", &format!("{directory}/"));
    setting.write("quorate.yaml", yaml.as_bytes());
    for name in ["password", "previous", "c", "resign"] {
        setting.write(name, format!("{PASSWORD}\n").as_bytes());
    }
    let certified = generate_simple_self_signed(vec!["redis".to_owned()]).unwrap();
    setting.write("ca.crt", certified.cert.pem().as_bytes());
    setting.write("tls.crt", certified.cert.pem().as_bytes());
    setting.write("tls.key", certified.signing_key.serialize_pem().as_bytes());
    setting
}

#[test]
fn the_example_of_the_documentation_loads() {
    let yaml = example().print().accepted();
    assert_eq!(line(&yaml, "election"), "election: orders-writer");
    assert_eq!(line(&yaml, "serverName"), "serverName: redis");
}

#[test]
fn what_is_printed_loads_again_and_prints_the_same() {
    for setting in [
        example(),
        Setting::valid_and("timing: {ttl: 1001ms}\nonEpochReset: halt\nreadiness: leader\n"),
        Setting::valid_and("identity: \"yes: #1 'x'\"\ncluster: \"007\"\nadvertise: \"null\"\n"),
    ] {
        let first = setting.print().accepted();
        setting.write("quorate.yaml", first.as_bytes());
        assert_eq!(setting.print().accepted(), first);
    }
}

#[test]
fn passwords_in_urls_are_masked_and_the_rest_of_the_url_is_not() {
    let list = format!("a=redis://:{PASSWORD}@one:1/2,b=rediss://u:{PASSWORD}@two:3,c=redis://three");
    let setting = Setting::file("election: orders\n").variable("QUORATE_VOTERS", &list);
    let yaml = setting.print().accepted();
    assert!(yaml.contains("redis://:***@one:1/2") && yaml.contains("rediss://:***@two:3"), "{yaml}");
    let again = Setting::file(&yaml).print().accepted();
    assert_eq!(again, yaml);
}
