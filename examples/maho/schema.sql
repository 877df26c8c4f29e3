-- The tables of Maho that the preset reads, and those of its segments, as its modules install them: of each table the
-- columns that the preset reads and those that cannot be left out, with their types. Said so that SQLite takes it too:
-- nothing counts by itself.

CREATE TABLE core_website (
    website_id smallint unsigned NOT NULL PRIMARY KEY,
    code varchar(32) NULL UNIQUE,
    name varchar(64) NULL
);

CREATE TABLE core_store (
    store_id smallint unsigned NOT NULL PRIMARY KEY,
    code varchar(32) NULL UNIQUE,
    website_id smallint unsigned NOT NULL DEFAULT 0,
    name varchar(255) NOT NULL
);

CREATE TABLE eav_attribute (
    attribute_id smallint unsigned NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_code varchar(255) NULL,
    backend_type varchar(8) NOT NULL DEFAULT 'static',
    UNIQUE (entity_type_id, attribute_code)
);

CREATE TABLE eav_attribute_option_value (
    value_id int unsigned NOT NULL PRIMARY KEY,
    option_id int unsigned NOT NULL DEFAULT 0,
    store_id smallint unsigned NOT NULL DEFAULT 0,
    value varchar(255) NULL
);
CREATE INDEX option_value_option ON eav_attribute_option_value (option_id);

CREATE TABLE customer_group (
    customer_group_id smallint unsigned NOT NULL PRIMARY KEY,
    customer_group_code varchar(32) NOT NULL,
    tax_class_id int unsigned NOT NULL DEFAULT 0
);

CREATE TABLE customer_entity (
    entity_id int unsigned NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_set_id smallint unsigned NOT NULL DEFAULT 0,
    website_id smallint unsigned NULL,
    email varchar(255) NULL,
    group_id smallint unsigned NOT NULL DEFAULT 0,
    increment_id varchar(50) NULL,
    store_id smallint unsigned NULL DEFAULT 0,
    created_at datetime NOT NULL,
    updated_at datetime NOT NULL,
    is_active smallint unsigned NOT NULL DEFAULT 1,
    UNIQUE (email, website_id)
);

CREATE TABLE customer_entity_varchar (
    value_id int NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_id smallint unsigned NOT NULL DEFAULT 0,
    entity_id int unsigned NOT NULL DEFAULT 0,
    value varchar(255) NULL,
    UNIQUE (entity_id, attribute_id)
);

CREATE TABLE customer_entity_int (
    value_id int NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_id smallint unsigned NOT NULL DEFAULT 0,
    entity_id int unsigned NOT NULL DEFAULT 0,
    value int NOT NULL DEFAULT 0,
    UNIQUE (entity_id, attribute_id)
);

CREATE TABLE customer_entity_datetime (
    value_id int NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_id smallint unsigned NOT NULL DEFAULT 0,
    entity_id int unsigned NOT NULL DEFAULT 0,
    value datetime NULL,
    UNIQUE (entity_id, attribute_id)
);

CREATE TABLE customer_address_entity (
    entity_id int unsigned NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_set_id smallint unsigned NOT NULL DEFAULT 0,
    parent_id int unsigned NULL,
    is_active smallint unsigned NOT NULL DEFAULT 1
);
CREATE INDEX address_parent ON customer_address_entity (parent_id);

CREATE TABLE customer_address_entity_varchar (
    value_id int NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_id smallint unsigned NOT NULL DEFAULT 0,
    entity_id int unsigned NOT NULL DEFAULT 0,
    value varchar(255) NULL,
    UNIQUE (entity_id, attribute_id)
);

CREATE TABLE customer_address_entity_int (
    value_id int NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_id smallint unsigned NOT NULL DEFAULT 0,
    entity_id int unsigned NOT NULL DEFAULT 0,
    value int NOT NULL DEFAULT 0,
    UNIQUE (entity_id, attribute_id)
);

CREATE TABLE customer_address_entity_text (
    value_id int NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_id smallint unsigned NOT NULL DEFAULT 0,
    entity_id int unsigned NOT NULL DEFAULT 0,
    value text NOT NULL,
    UNIQUE (entity_id, attribute_id)
);

CREATE TABLE directory_country_region (
    region_id int unsigned NOT NULL PRIMARY KEY,
    country_id varchar(4) NOT NULL DEFAULT '0',
    code varchar(32) NULL,
    default_name varchar(255) NULL
);

CREATE TABLE log_customer (
    log_id int unsigned NOT NULL PRIMARY KEY,
    visitor_id bigint unsigned NULL,
    customer_id int NOT NULL DEFAULT 0,
    login_at datetime NULL,
    logout_at datetime NULL,
    store_id smallint unsigned NOT NULL
);

CREATE TABLE newsletter_subscriber (
    subscriber_id int unsigned NOT NULL PRIMARY KEY,
    store_id smallint unsigned NULL DEFAULT 0,
    change_status_at datetime NULL,
    customer_id int unsigned NOT NULL DEFAULT 0,
    subscriber_email varchar(150) NULL,
    subscriber_status int NOT NULL DEFAULT 0,
    subscriber_confirm_code varchar(32) NULL
);
CREATE INDEX subscriber_customer ON newsletter_subscriber (customer_id);

CREATE TABLE catalog_product_entity (
    entity_id int unsigned NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_set_id smallint unsigned NOT NULL DEFAULT 0,
    type_id varchar(32) NOT NULL DEFAULT 'simple',
    sku varchar(64) NULL
);

CREATE TABLE catalog_product_entity_varchar (
    value_id int NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_id smallint unsigned NOT NULL DEFAULT 0,
    store_id smallint unsigned NOT NULL DEFAULT 0,
    entity_id int unsigned NOT NULL DEFAULT 0,
    value varchar(255) NULL,
    UNIQUE (entity_id, attribute_id, store_id)
);

CREATE TABLE catalog_product_entity_decimal (
    value_id int NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_id smallint unsigned NOT NULL DEFAULT 0,
    store_id smallint unsigned NOT NULL DEFAULT 0,
    entity_id int unsigned NOT NULL DEFAULT 0,
    value decimal(12, 4) NULL,
    UNIQUE (entity_id, attribute_id, store_id)
);

CREATE TABLE catalog_category_entity_varchar (
    value_id int NOT NULL PRIMARY KEY,
    entity_type_id smallint unsigned NOT NULL DEFAULT 0,
    attribute_id smallint unsigned NOT NULL DEFAULT 0,
    store_id smallint unsigned NOT NULL DEFAULT 0,
    entity_id int unsigned NOT NULL DEFAULT 0,
    value varchar(255) NULL,
    UNIQUE (entity_type_id, entity_id, attribute_id, store_id)
);
CREATE INDEX category_varchar_entity ON catalog_category_entity_varchar (entity_id);

CREATE TABLE catalog_category_product (
    category_id int unsigned NOT NULL DEFAULT 0,
    product_id int unsigned NOT NULL DEFAULT 0,
    position int NOT NULL DEFAULT 0,
    PRIMARY KEY (category_id, product_id)
);
CREATE INDEX category_product_product ON catalog_category_product (product_id);

CREATE TABLE sales_flat_order (
    entity_id int unsigned NOT NULL PRIMARY KEY,
    state varchar(32) NULL,
    status varchar(32) NULL,
    coupon_code varchar(255) NULL,
    store_id smallint unsigned NULL,
    customer_id int unsigned NULL,
    customer_email varchar(255) NULL,
    discount_amount decimal(12, 4) NULL,
    grand_total decimal(12, 4) NULL,
    shipping_amount decimal(12, 4) NULL,
    subtotal decimal(12, 4) NULL,
    tax_amount decimal(12, 4) NULL,
    total_qty_ordered decimal(12, 4) NULL,
    order_currency_code varchar(255) NULL,
    shipping_method varchar(255) NULL,
    created_at datetime NULL,
    updated_at datetime NULL,
    total_item_count smallint unsigned NOT NULL DEFAULT 0
);
CREATE INDEX order_customer ON sales_flat_order (customer_id);
CREATE INDEX order_created ON sales_flat_order (created_at);

CREATE TABLE sales_flat_order_payment (
    entity_id int unsigned NOT NULL PRIMARY KEY,
    parent_id int unsigned NOT NULL,
    method varchar(255) NULL
);
CREATE INDEX payment_parent ON sales_flat_order_payment (parent_id);

CREATE TABLE sales_flat_order_item (
    item_id int unsigned NOT NULL PRIMARY KEY,
    order_id int unsigned NOT NULL DEFAULT 0,
    parent_item_id int unsigned NULL,
    product_id int unsigned NULL,
    product_type varchar(255) NULL,
    sku varchar(255) NULL,
    name varchar(255) NULL,
    qty_ordered decimal(12, 4) NULL DEFAULT 0,
    price decimal(12, 4) NOT NULL DEFAULT 0,
    tax_amount decimal(12, 4) NULL DEFAULT 0,
    discount_amount decimal(12, 4) NULL DEFAULT 0,
    row_total decimal(12, 4) NOT NULL DEFAULT 0,
    row_total_incl_tax decimal(12, 4) NULL
);
CREATE INDEX order_item_order ON sales_flat_order_item (order_id);

CREATE TABLE sales_flat_creditmemo (
    entity_id int unsigned NOT NULL PRIMARY KEY,
    order_id int unsigned NOT NULL,
    state int NULL,
    grand_total decimal(12, 4) NULL,
    created_at datetime NULL
);
CREATE INDEX creditmemo_order ON sales_flat_creditmemo (order_id);

CREATE TABLE sales_flat_quote (
    entity_id int unsigned NOT NULL PRIMARY KEY,
    store_id smallint unsigned NOT NULL DEFAULT 0,
    created_at datetime NOT NULL,
    updated_at datetime NOT NULL,
    is_active smallint unsigned NULL DEFAULT 1,
    items_count int unsigned NULL DEFAULT 0,
    items_qty decimal(12, 4) NULL DEFAULT 0,
    base_grand_total decimal(12, 4) NULL DEFAULT 0,
    customer_id int unsigned NULL,
    applied_rule_ids varchar(255) NULL,
    coupon_code varchar(255) NULL,
    base_subtotal decimal(12, 4) NULL,
    base_subtotal_with_discount decimal(12, 4) NULL
);
CREATE INDEX quote_customer ON sales_flat_quote (customer_id, store_id, is_active);

CREATE TABLE sales_flat_quote_address (
    address_id int unsigned NOT NULL PRIMARY KEY,
    quote_id int unsigned NOT NULL DEFAULT 0,
    base_tax_amount decimal(12, 4) NOT NULL DEFAULT 0
);
CREATE INDEX quote_address_quote ON sales_flat_quote_address (quote_id);

CREATE TABLE sales_flat_quote_item (
    item_id int unsigned NOT NULL PRIMARY KEY,
    quote_id int unsigned NOT NULL DEFAULT 0,
    parent_item_id int unsigned NULL,
    product_id int unsigned NULL,
    product_type varchar(255) NULL,
    sku varchar(255) NULL,
    name varchar(255) NULL,
    qty decimal(12, 4) NOT NULL DEFAULT 0,
    price decimal(12, 4) NOT NULL DEFAULT 0,
    row_total decimal(12, 4) NOT NULL DEFAULT 0
);
CREATE INDEX quote_item_quote ON sales_flat_quote_item (quote_id);

CREATE TABLE report_viewed_product_index (
    index_id bigint unsigned NOT NULL PRIMARY KEY,
    visitor_id int unsigned NULL,
    customer_id int unsigned NULL,
    product_id int unsigned NOT NULL,
    store_id smallint unsigned NULL,
    added_at datetime NOT NULL
);
CREATE INDEX viewed_customer ON report_viewed_product_index (customer_id, product_id);

CREATE TABLE wishlist (
    wishlist_id int unsigned NOT NULL PRIMARY KEY,
    customer_id int unsigned NOT NULL DEFAULT 0 UNIQUE,
    shared smallint unsigned NOT NULL DEFAULT 0,
    sharing_code varchar(32) NULL,
    updated_at datetime NULL
);

CREATE TABLE wishlist_item (
    wishlist_item_id int unsigned NOT NULL PRIMARY KEY,
    wishlist_id int unsigned NOT NULL DEFAULT 0,
    product_id int unsigned NOT NULL DEFAULT 0,
    store_id smallint unsigned NULL,
    added_at datetime NULL,
    qty decimal(12, 4) NOT NULL
);
CREATE INDEX wishlist_item_wishlist ON wishlist_item (wishlist_id);

CREATE TABLE customer_segment (
    segment_id int unsigned NOT NULL PRIMARY KEY,
    name varchar(255) NOT NULL,
    description text NULL,
    is_active smallint unsigned NOT NULL DEFAULT 1,
    conditions_serialized text NULL,
    website_ids text NULL,
    customer_group_ids text NULL,
    refresh_mode varchar(20) NULL DEFAULT 'auto',
    priority int unsigned NULL DEFAULT 0
);
