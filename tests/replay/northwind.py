# SPDX-License-Identifier: Apache-2.0
"""Reads the Northwind CSV folder: every file, column and row is checked; a fault names file, line and reason.

Money is read as decimal and rounded half-even: prices to cents, discounts to basis points, line totals to cents.
"""

import csv
import dataclasses
import datetime
import decimal
import os
from decimal import Decimal, ROUND_HALF_EVEN


class BadInput(Exception):
    """What is wrong with the folder, in words for its owner."""


@dataclasses.dataclass
class Employee:
    key: str
    first_name: str
    last_name: str
    title: str
    reports_to: str

    @property
    def name(self):
        return f"{self.first_name} {self.last_name}"

    @property
    def login(self):
        return f"{self.first_name}.{self.last_name}".lower()


@dataclasses.dataclass
class Customer:
    key: str
    name: str
    contact_name: str
    contact_title: str
    address: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str


@dataclasses.dataclass
class Product:
    key: str
    name: str
    unit: str
    price_minor: int


@dataclasses.dataclass
class Line:
    product: str
    quantity: int
    price_minor: int
    discount_bp: int
    total_minor: int


@dataclasses.dataclass
class Order:
    key: str
    customer: str
    employee: str
    day: datetime.date
    lines: list

    @property
    def total_minor(self):
        return sum(line.total_minor for line in self.lines)


@dataclasses.dataclass
class Company:
    employees: dict
    customers: dict
    territories: list  # (key, name, region key)
    regions: dict
    employee_territories: dict
    products: dict
    orders: list  # by day, then by number


def minor(text, scale=2):
    """A decimal text as an integer with `scale` digits, rounded half-even."""
    return int(Decimal(text).scaleb(scale).to_integral_value(rounding=ROUND_HALF_EVEN))


def line_total(price_minor, quantity, discount_bp):
    """price × quantity × (1 - discount), rounded once, half-even, to minor units."""
    exact = Decimal(price_minor) * quantity * (10000 - discount_bp) / Decimal(10000)
    return int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))


class Table:
    """One CSV file, row by row, with the line for messages."""

    def __init__(self, folder, name, columns):
        self.path = os.path.join(folder, name)
        self.name = name
        self.columns = columns

    def fail(self, line, reason):
        raise BadInput(f"{self.path}:{line}: {reason}")

    def rows(self):
        try:
            with open(self.path, encoding="utf-8", newline="") as file:
                yield from self.parse(file)
        except FileNotFoundError:
            raise BadInput(f"{self.path}: the file is missing") from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{self.path}: cannot be read: {error}") from None

    def parse(self, file):
        reader = csv.reader(file, strict=True)
        try:
            head = next(reader, None)
            if head is None:
                self.fail(1, "the file is empty")
            missing = [column for column in self.columns if column not in head]
            if missing:
                self.fail(1, f"column {missing[0]} is missing")
            for row in reader:
                if len(row) != len(head):
                    self.fail(reader.line_num, f"{len(row)} values where the heading has {len(head)}")
                yield reader.line_num, dict(zip(head, row))
        except csv.Error as error:
            self.fail(reader.line_num, f"not CSV: {error}")

    def required(self, line, row, column):
        value = row[column].strip()
        if not value:
            self.fail(line, f"{column} is empty")
        return value

    def decimal(self, line, row, column, least, most):
        try:
            value = Decimal(self.required(line, row, column))
        except decimal.InvalidOperation:
            self.fail(line, f"{column} is not a number: {row[column]!r}")
        if not value.is_finite() or not least <= value <= most:
            self.fail(line, f"{column} is outside {least} … {most}: {row[column]!r}")
        return value

    def known(self, line, row, column, among, what):
        value = self.required(line, row, column)
        if value not in among:
            self.fail(line, f"{column} names no {what}: {value!r}")
        return value


def unique(table, line, key, rows):
    if key in rows:
        table.fail(line, f"{key!r} occurs twice")


def read_employees(folder):
    table = Table(folder, "employees.csv", ["employee_id", "first_name", "last_name", "title", "reports_to"])
    found, lines = {}, {}
    for line, row in table.rows():
        key = table.required(line, row, "employee_id")
        unique(table, line, key, found)
        found[key] = Employee(key, table.required(line, row, "first_name"), table.required(line, row, "last_name"),
                              row["title"], row["reports_to"].strip())
        lines[key] = line
    for key, employee in found.items():
        if employee.reports_to and employee.reports_to not in found:
            table.fail(lines[key], f"reports_to names no employee: {employee.reports_to!r}")
    return found


def read_customers(folder):
    table = Table(folder, "customers.csv", ["customer_id", "company_name", "contact_name", "contact_title", "address",
                                            "city", "region", "postal_code", "country", "phone"])
    found = {}
    for line, row in table.rows():
        key = table.required(line, row, "customer_id")
        unique(table, line, key, found)
        found[key] = Customer(key, table.required(line, row, "company_name"), row["contact_name"],
                              row["contact_title"], row["address"], row["city"], row["region"], row["postal_code"],
                              row["country"], row["phone"])
    return found


def read_territories(folder, employees):
    regions_table = Table(folder, "region.csv", ["region_id", "region_description"])
    regions = {}
    for line, row in regions_table.rows():
        key = regions_table.required(line, row, "region_id")
        unique(regions_table, line, key, regions)
        regions[key] = row["region_description"].strip()
    table = Table(folder, "territories.csv", ["territory_id", "territory_description", "region_id"])
    territories, keys = [], set()
    for line, row in table.rows():
        key = table.required(line, row, "territory_id")
        unique(table, line, key, keys)
        keys.add(key)
        territories.append((key, row["territory_description"].strip(),
                            table.known(line, row, "region_id", regions, "region")))
    links = Table(folder, "employee_territories.csv", ["employee_id", "territory_id"])
    of_employee = {key: [] for key in employees}
    for line, row in links.rows():
        employee = links.known(line, row, "employee_id", employees, "employee")
        of_employee[employee].append(links.known(line, row, "territory_id", keys, "territory"))
    return regions, territories, of_employee


def read_products(folder):
    table = Table(folder, "products.csv", ["product_id", "product_name", "quantity_per_unit", "unit_price"])
    found = {}
    for line, row in table.rows():
        key = table.required(line, row, "product_id")
        unique(table, line, key, found)
        price = table.decimal(line, row, "unit_price", 0, 10**9)
        found[key] = Product(key, table.required(line, row, "product_name"), row["quantity_per_unit"], minor(price))
    return found


def read_orders(folder, customers, employees, products):
    table = Table(folder, "orders.csv", ["order_id", "customer_id", "employee_id", "order_date"])
    found = {}
    for line, row in table.rows():
        key = table.required(line, row, "order_id")
        unique(table, line, key, found)
        try:
            day = datetime.date.fromisoformat(table.required(line, row, "order_date"))
        except ValueError:
            table.fail(line, f"order_date is not a day: {row['order_date']!r}")
        found[key] = Order(key, table.known(line, row, "customer_id", customers, "customer"),
                           table.known(line, row, "employee_id", employees, "employee"), day, [])
    read_lines(folder, found, products)
    for order in found.values():
        if not order.lines:
            raise BadInput(f"{table.path}: order {order.key} has no line in order_details.csv")
    return sorted(found.values(), key=lambda order: (order.day, len(order.key), order.key))


def read_lines(folder, orders, products):
    table = Table(folder, "order_details.csv", ["order_id", "product_id", "unit_price", "quantity", "discount"])
    seen = set()
    for line, row in table.rows():
        order = orders[table.known(line, row, "order_id", orders, "order")]
        product = table.known(line, row, "product_id", products, "product")
        unique(table, line, (order.key, product), seen)
        seen.add((order.key, product))
        quantity = table.decimal(line, row, "quantity", 1, 10**6)
        if quantity != quantity.to_integral_value():
            table.fail(line, f"quantity is not whole: {row['quantity']!r}")
        price = minor(table.decimal(line, row, "unit_price", 0, 10**9))
        discount = minor(table.decimal(line, row, "discount", 0, 1), 4)
        order.lines.append(Line(product, int(quantity), price, discount, line_total(price, int(quantity), discount)))


def read(folder):
    """The whole company. Raises BadInput."""
    if not os.path.isdir(folder):
        raise BadInput(f"{folder}: there is no such folder")
    employees = read_employees(folder)
    customers = read_customers(folder)
    regions, territories, of_employee = read_territories(folder, employees)
    products = read_products(folder)
    orders = read_orders(folder, customers, employees, products)
    if not orders:
        raise BadInput(f"{folder}: there is no order")
    return Company(employees, customers, territories, regions, of_employee, products, orders)
