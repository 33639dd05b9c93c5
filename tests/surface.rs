//! The public surface of the library, pinned: what a program may rely on changes only on purpose.
//!
//! `tests/surface.txt` is the surface as Rust without bodies. After a change that is meant, renew it with
//! `QUORATE_RENEW=1 cargo test --test surface` and let the difference be reviewed with the change. Read from the source
//! by `syn`, because `cargo public-api` needs a nightly toolchain. It follows the `pub use` at the crate's root, not
//! macros, of which there are none.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says why it failed by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Fields, FieldsNamed, File, ImplItem, Item, ItemEnum, ItemImpl, ItemStruct, ItemUse, Type,
    UseTree, Visibility, parse_quote,
};

const PINNED: &str = "tests/surface.txt";

#[test]
fn the_public_surface_is_the_one_that_was_agreed_on() {
    let seen = surface();
    let file = package().join(PINNED);
    if std::env::var_os("QUORATE_RENEW").is_some() {
        fs::write(&file, &seen).unwrap();
    }
    let pinned = read(&file);
    let differs = seen.lines().zip(pinned.lines()).position(|(seen, pinned)| seen != pinned);
    let line = differs.unwrap_or_else(|| seen.lines().count().min(pinned.lines().count()));
    let shown = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
    assert!(
        seen == pinned,
        "the public surface changed at line {} of {PINNED}: {:?} instead of {:?}. If that is meant, say so in \
         CHANGELOG.md and renew it: QUORATE_RENEW=1 cargo test --test surface",
        line + 1,
        shown(&seen),
        shown(&pinned),
    );
}

#[test]
fn whatever_the_surface_names_can_be_named_by_a_program() {
    let exported = exported();
    let own: BTreeSet<_> = exported.values().flatten().cloned().collect();
    let named = identifiers(surface().parse().unwrap());
    for module in exported.keys() {
        for item in sources(&package().join("src"), module).iter().flat_map(|file| parse_file(file).items) {
            let (Item::Struct(ItemStruct { ident, .. }) | Item::Enum(ItemEnum { ident, .. })) = item else {
                continue;
            };
            let name = ident.to_string();
            assert!(own.contains(&name) || !named.contains(&name), "{name} is not handed out at the root");
        }
    }
}

fn identifiers(tokens: TokenStream) -> BTreeSet<String> {
    let of_one = |token| match token {
        TokenTree::Ident(ident) => BTreeSet::from([ident.to_string()]),
        TokenTree::Group(group) => identifiers(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => BTreeSet::new(),
    };
    tokens.into_iter().flat_map(of_one).collect()
}

#[test]
fn what_is_public_without_being_meant_for_programs_is_hidden() {
    for item in parse("src/lib.rs").items {
        if let Item::Mod(module) = item
            && matches!(module.vis, Visibility::Public(_))
        {
            assert!(module.attrs.iter().any(is_hidden), "mod {} is neither private nor hidden", module.ident);
        }
    }
}

#[test]
fn without_default_features_nothing_of_the_binary_comes_along() {
    let arguments = ["tree", "--locked", "--offline", "--no-default-features", "--edges", "normal"];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(package())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("redis") && crates.contains("tokio"), "{tree}");
    for foreign in ["anyhow", "axum", "clap", "hyper", "k8s-openapi", "kube", "prometheus", "serde-saphyr"] {
        assert!(!crates.contains(foreign), "{foreign} is built for a program that only wants the library");
    }
}

/// The toolchain that builds and tests is the oldest one that is promised, so building is checking.
#[test]
fn the_oldest_rust_is_the_one_that_we_build_with_and_told_the_same_everywhere() {
    let value = |file: &str, key: &str| {
        let text = read(&package().join(file));
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key} in {file}")).trim().trim_matches('"').to_owned()
    };
    let oldest = value("Cargo.toml", "rust-version");
    assert_eq!(value("rust-toolchain.toml", "channel"), format!("{oldest}.0"));
    for file in ["README.md", "src/lib.rs"] {
        assert!(read(&package().join(file)).contains(&format!("Rust {oldest}")), "{file}: not Rust {oldest}");
    }
}

/// The items that the crate's root hands out, by the top-level module that they come from.
fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in parse("src/lib.rs").items {
        let Item::Use(ItemUse { vis: Visibility::Public(_), tree, .. }) = item else { continue };
        let mut path = Vec::new();
        follow(&tree, &mut path, &mut found);
    }
    found
}

fn follow(tree: &UseTree, path: &mut Vec<String>, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match tree {
        UseTree::Path(part) => {
            if part.ident != "crate" {
                path.push(part.ident.to_string());
            }
            follow(&part.tree, path, found);
        }
        UseTree::Name(name) => {
            found.entry(path[0].clone()).or_default().insert(name.ident.to_string());
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| follow(tree, &mut path.clone(), found)),
        _ => panic!("a kind of `pub use` at the crate's root that this test does not follow"),
    }
}

fn surface() -> String {
    let mut items = Vec::new();
    for (module, names) in exported() {
        let files: Vec<_> = sources(&package().join("src"), &module);
        let all: Vec<Item> = files.iter().flat_map(|file| parse_file(file).items).collect();
        for name in names {
            let defined = all.iter().find_map(|item| definition(item, &name));
            items.push(defined.unwrap_or_else(|| panic!("{name} is not defined in {module}")));
            items.extend(all.iter().filter_map(|item| implementation(item, &name)));
        }
    }
    prettyplease::unparse(&File { items, ..parse_quote!() })
}

/// The type as others see it.
fn definition(item: &Item, name: &str) -> Option<Item> {
    match item {
        Item::Struct(item) if item.ident == name => {
            let mut item = item.clone();
            item.attrs = visible(item.attrs);
            if let Fields::Named(fields) = &mut item.fields {
                let all = fields.named.len();
                *fields = public(fields);
                if fields.named.len() < all {
                    fields.named.push(parse_quote!(_private: ()));
                }
            }
            Some(Item::Struct(item))
        }
        Item::Enum(item) if item.ident == name => {
            let mut item = item.clone();
            item.attrs = visible(item.attrs);
            for variant in &mut item.variants {
                variant.attrs = visible(std::mem::take(&mut variant.attrs));
                variant.fields.iter_mut().for_each(|field| field.attrs.clear());
            }
            Some(Item::Enum(item))
        }
        Item::Type(item) if item.ident == name => {
            let mut item = item.clone();
            item.attrs = visible(item.attrs);
            Some(Item::Type(item))
        }
        _ => None,
    }
}

fn public(fields: &FieldsNamed) -> FieldsNamed {
    let mut fields = fields.clone();
    fields.named = fields.named.into_iter().filter(|field| is_public(&field.vis)).collect();
    fields.named.iter_mut().for_each(|field| field.attrs.clear());
    fields
}

/// What can be called on it, without what happens then; of a trait, that it is there.
fn implementation(item: &Item, name: &str) -> Option<Item> {
    let Item::Impl(item) = item else { return None };
    let Type::Path(path) = &*item.self_ty else { return None };
    if path.path.segments.last().is_none_or(|last| last.ident != name) {
        return None;
    }
    let is_trait = item.trait_.is_some();
    let items: Vec<_> = if is_trait { Vec::new() } else { item.items.iter().filter_map(signature).collect() };
    let shown = ItemImpl { attrs: Vec::new(), items, ..item.clone() };
    (is_trait || !shown.items.is_empty()).then_some(Item::Impl(shown))
}

fn signature(item: &ImplItem) -> Option<ImplItem> {
    match item {
        ImplItem::Fn(function) if is_public(&function.vis) => {
            let mut function = function.clone();
            function.attrs = visible(function.attrs);
            function.block = parse_quote!({});
            Some(ImplItem::Fn(function))
        }
        ImplItem::Const(constant) if is_public(&constant.vis) => Some(ImplItem::Const(constant.clone())),
        _ => None,
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Attributes that a user of the item feels.
fn visible(attributes: Vec<Attribute>) -> Vec<Attribute> {
    let is_felt = |attribute: &Attribute| {
        ["derive", "non_exhaustive", "must_use"].iter().any(|felt| attribute.path().is_ident(felt))
    };
    attributes.into_iter().filter(is_felt).collect()
}

fn is_hidden(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
        && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "hidden")
}

/// The files of a top-level module, in order.
fn sources(src: &Path, module: &str) -> Vec<PathBuf> {
    let mut found = vec![src.join(format!("{module}.rs"))];
    let mut folders = vec![src.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    found.sort();
    found
}

fn parse(file: &str) -> File {
    parse_file(&package().join(file))
}

fn parse_file(file: &Path) -> File {
    syn::parse_file(&read(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
