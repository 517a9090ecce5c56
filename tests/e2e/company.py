# SPDX-License-Identifier: Apache-2.0
"""A bilingual sample company, made from a seed: territories, people, products, customers. Names are invented."""

import csv
import os
import random

TERRITORIES = [("east", "华东 East", ""), ("shanghai", "上海 Shanghai", "east"), ("hangzhou", "杭州 Hangzhou", "east")]

PEOPLE = [
    # login, name, role, manager, territory
    ("chen.wei", "陈伟 Chen Wei", "manager", "", "east"),
    ("wang.fang", "王芳 Wang Fang", "rep", "chen.wei", "shanghai"),
    ("li.na", "李娜 Li Na", "rep", "chen.wei", "hangzhou"),
]

PRODUCTS = [("P-100", "碧螺春 Green tea 250 g", 4800), ("P-101", "龙井 Longjing tea 250 g", 9800),
            ("P-200", "矿泉水 Mineral water 12 × 500 ml", 2400), ("P-201", "苏打水 Soda water 24 × 330 ml", 4560),
            ("P-300", "大米 Rice 5 kg", 3990), ("P-301", "面粉 Flour 5 kg", 2150)]

KINDS = [("超市", "Supermarket", "shop"), ("大药房", "Pharmacy", "pharmacy"), ("酒家", "Restaurant", "restaurant"),
         ("贸易有限公司", "Trading Co., Ltd.", "distributor")]
STEMS = [("华宁", "Huaning"), ("东方", "Dongfang"), ("百合", "Baihe"), ("青松", "Qingsong"), ("金桥", "Jinqiao"),
         ("云海", "Yunhai"), ("明月", "Mingyue"), ("长乐", "Changle")]
CITIES = {"shanghai": ("上海", "Shanghai", 31.2304, 121.4737), "hangzhou": ("杭州", "Hangzhou", 30.2741, 120.1551)}


def customers(count, seed=1):
    """Rows for `import customer`; half belong to each rep."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        place = "shanghai" if number % 2 == 0 else "hangzhou"
        city, city_en, latitude, longitude = CITIES[place]
        stem, stem_en = STEMS[number % len(STEMS)]
        kind, kind_en, kind_name = KINDS[(number // len(STEMS)) % len(KINDS)]
        branch = f"{number // (len(STEMS) * len(KINDS)) + 1}" if number >= len(STEMS) * len(KINDS) else ""
        rows.append({
            "external_id": f"C-{number + 1:04d}",
            "name": f"{city}{stem}{kind}{branch} {stem_en} {kind_en} {branch}".strip(),
            "short_name": stem, "kind": kind_name, "city": f"{city} {city_en}",
            "street": f"{draw.choice(['中山路', '人民路', '解放路'])} {draw.randint(1, 999)} 号",
            "phones": f"+86 138 {draw.randint(1000, 9999)} {draw.randint(1000, 9999)}",
            "latitude_e7": int((latitude + draw.uniform(-0.05, 0.05)) * 10**7),
            "longitude_e7": int((longitude + draw.uniform(-0.05, 0.05)) * 10**7),
            "owner": "wang.fang" if place == "shanghai" else "li.na", "territory": place,
        })
    return rows


def write(folder, name, rows):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def found(server, folder, customer_count):
    """Makes the company on a server that was initialised and runs."""
    for key, name, parent in TERRITORIES:
        server.admin("territory", "add", name, "--external-id", key, *(["--parent", parent] if parent else []))
    for login, name, role, manager, territory in PEOPLE:
        server.admin("user", "add", login, "--name", name, "--role", role, "--territory", territory,
                     *(["--manager", manager] if manager else []))
    server.admin("import", "product", write(folder, "products.csv", [
        {"external_id": code, "code": code, "name": name, "price_minor": price, "currency": "CNY", "active": "true"}
        for code, name, price in PRODUCTS]))
    server.admin("import", "customer", write(folder, "customers.csv", customers(customer_count)))
